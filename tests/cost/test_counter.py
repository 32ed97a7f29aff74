import pytest
import torch
from mmdet.models import ResNet
from torch import nn

from mmtransfer.backbones import AdaptedBackbone, FNASupernet
from mmtransfer.cost.conventions import CONVENTIONS, Convention, find_convention
from mmtransfer.cost.counter import count_backbone, count_model
from mmtransfer.cost.watch import part_of
from mmtransfer.spaces import seed_architecture


class Pair(nn.Module):
    """A model in the manner of the toolboxes, its head called twice."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Conv2d(3, 4, 1, bias=False)
        self.decode_head = nn.Conv2d(4, 2, 1)
        self.auxiliary_head = nn.Conv2d(4, 2, 1)

    def forward(self, x, data_samples, mode):
        x = self.backbone(x)
        self.auxiliary_head(x)
        return self.decode_head(x), self.decode_head(x)


def test_parts_auxiliary_heads_and_modules_called_twice():
    assert count_model(Pair(), (5, 2)) == {
        'params': {'backbone': 12, 'neck': 0, 'head': 10, 'total': 22},
        'madds': {'backbone': 120, 'neck': 0, 'head': 200, 'total': 320},
    }
    assert part_of('neck.convs.0') == 'neck'
    assert part_of('auxiliary_head.0.conv') is None
    assert part_of('roi_head.bbox_head.fc_cls') == part_of('rpn_head') == 'head'


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.product = nn.Bilinear(2, 2, 2)

    def forward(self, x):
        return self.product(x, x)


def test_what_cannot_be_counted_is_none_and_named():
    counts = count_backbone(Odd(), (2, 2))
    assert counts['madds'] == {'backbone': None, 'neck': 0, 'head': 0, 'total': None}
    assert counts['params']['total'] == 10
    reason = 'backbone.product computes aten::_trilinear with its weights'
    assert counts['reasons'] == {'backbone': reason}


class Queries(nn.Module):
    """Weights in every way that a transformer has them: 5 queries, 8 channels."""

    def __init__(self, meets=lambda x: None):
        super().__init__()
        self.meets = meets
        self.backbone = nn.Conv2d(3, 8, 1)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.layers = nn.TransformerEncoderLayer(8, 2, 16)
        self.queries = nn.Embedding(5, 8)
        self.matrix = nn.Parameter(torch.ones(8, 6))
        self.shared = nn.Linear(8, 8)

    def forward(self, x, data_samples, mode):
        x = self.backbone(x)
        self.meets(x)
        x = x.flatten(2).transpose(1, 2)
        q = self.attention(query=self.queries.weight[None], key=x, value=x)[0]
        self.layers(x.transpose(0, 1))
        torch.einsum('bqc,bnc->bqn', self.shared(q), x)  # two feature maps
        nn.functional.linear(q, self.shared.weight.t().t(), self.shared.bias)
        nn.functional.conv2d(x[..., None], self.matrix.reshape(4, 12, 1, 1))
        return q @ (self.matrix / 2)


def of_queries(n):
    """By hand, n tokens; the convolution maps n channels of 8 x 1 to 4."""
    q = 5
    assert n == 12

    def attention(a, b):
        return (2 * a + 2 * b) * 8 * 9

    layer = attention(n, n) + n * 9 * 16 + n * 17 * 8
    return attention(q, n) + layer + 2 * q * 9 * 8 + 8 * 12 * 4 + q * 8 * 6


def test_attention_and_weights_outside_of_modules():
    counts = count_model(Queries(), (3, 4))
    assert counts['madds']['head'] == of_queries(12)
    assert counts['madds']['backbone'] == 12 * 4 * 8
    assert 'reasons' not in counts and list(counts['notes']) == ['head']
    without = count_model(Queries(), (3, 4), 'paper-block-allocation')
    assert without['madds']['head'] == 8 * 12 * 4


def test_what_needs_values_runs_on_values():
    met = []

    def meets(x):
        met.append(x.device.type)
        assert float(x.sum()) == 0  # on the meta device there is none

    model = Queries(meets)
    assert count_model(model, (3, 4)) == count_model(Queries(), (3, 4))
    assert met == ['meta', 'cpu'] and model.backbone.weight.device.type == 'cpu'


def test_a_failure_leaves_the_parts_before_it():
    def fails(x):
        raise RuntimeError('a second image is needed\nand more')

    model = Queries(fails)
    model.neck = nn.Identity()
    counts = count_model(model, (3, 4))
    assert counts['madds'] == {'backbone': 384, 'neck': 0, 'head': None, 'total': None}
    reason = 'Queries cannot run on an image alone: RuntimeError: a second image is needed'
    assert counts['reasons'] == {'head': reason}


class Chosen(Pair):
    """Its head runs on those positions alone that an image makes large."""

    def forward(self, x, data_samples, mode):
        x = self.backbone(x)
        large = (x.sum((0, 1, 3)) > 2).nonzero()[:, 0]
        return self.decode_head(torch.cat([x, x[:, :, large]], 2))


def test_work_that_depends_on_the_image_is_not_counted():
    counts = count_model(Chosen(), (5, 2))
    assert counts['madds'] == {'backbone': 120, 'neck': 0, 'head': None, 'total': None}
    assert 'depends on what the image shows' in counts['reasons']['head']


def test_a_supernet_costs_what_its_selection_costs():
    seed = count_backbone(AdaptedBackbone('mobilenet_v2'), (64, 96))
    supernet = count_backbone(FNASupernet('mobilenet_v2'), (64, 96))
    assert supernet['madds'] == seed['madds']
    assert supernet['params']['total'] > seed['params']['total']


def test_an_adapted_backbone_drops_what_is_skipped():
    seed = seed_architecture('mobilenet_v2')
    fewer = seed.as_dict | {'stage3.layer1': 'skip'}
    smaller = seed.replace(options=tuple(fewer.items()))
    block = 64 * 384 * 2 + 9 * 384
    one, two = (count_backbone(AdaptedBackbone(a), (64, 64)) for a in (seed, smaller))
    assert one['madds']['total'] - two['madds']['total'] == 16 * block
    assert one['params']['total'] - two['params']['total'] == block + 2 * (384 + 384 + 64)


def test_resnet50_as_block_allocation_counts():
    counts = count_backbone(ResNet(50), (224, 224), 'paper-block-allocation')
    assert counts['madds']['total'] / 1.024e9 == pytest.approx(3.9913, rel=5e-4)
    assert round(counts['madds']['total'] / 1.024e9, 3) == 3.991


def test_resnet50_as_nettailor_counts():
    """200 classes."""
    model = nn.Sequential(Last(ResNet(50)), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model.append(nn.Linear(2048, 200))
    counts = count_backbone(model, (224, 224), 'paper-nettailor')
    assert counts['params']['total'] == pytest.approx(23.9178e6, rel=5e-4)
    assert counts['madds']['total'] == pytest.approx(4.1098e9, rel=5e-4)


class Last(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, x):
        return self.backbone(x)[-1]


def test_unknown_conventions_are_refused():
    assert find_convention('mmtransfer') == Convention(bias=True)
    with pytest.raises(ValueError, match=', '.join(CONVENTIONS)):
        find_convention('mine')
