import pytest
import torch
from mmdet.models import ResNet
from torch import nn

from mmtransfer.backbones import AdaptedBackbone, FNASupernet
from mmtransfer.cost.conventions import CONVENTIONS, Convention, find_convention
from mmtransfer.cost.counter import count_backbone, count_model, module_madds, part_of
from mmtransfer.seeds import seed_architecture


def madds(module, shape, **convention):
    x = torch.empty(shape, device='meta')
    module = module.to('meta')
    return module_madds(module, x, module(x), Convention(**convention))


def test_modules_by_hand():
    conv = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    assert madds(conv, (1, 4, 5, 5)) == 9 * 9 * 2 * 6
    assert madds(conv, (1, 4, 5, 5), bias=True) == 9 * 9 * 2 * 6 + 9 * 6
    linear = nn.Linear(5, 7)
    assert madds(linear, (3, 5)) == 3 * 35
    assert madds(linear, (3, 5), bias=True) == 3 * 35 + 3 * 7
    assert madds(linear, (3, 5), linear=False, bias=True) == 0
    assert madds(nn.BatchNorm2d(4).eval(), (1, 4, 5, 5), norm=2) == 200
    assert madds(nn.BatchNorm2d(4).eval(), (1, 4, 5, 5)) == 0
    assert madds(nn.MaxPool2d(2), (1, 4, 4, 4), bias=True) == 0


def test_a_transposed_convolution_costs_a_kernel_per_input_position():
    deconv = nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, bias=False)
    assert madds(deconv, (1, 4, 5, 3)) == 15 * 16 * 24
    assert madds(deconv, (1, 4, 5, 3), deconv_per_output=True) == 4 * 15 * 16 * 24


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


def test_what_is_not_counted_is_said():
    with pytest.warns(UserWarning, match='Bilinear do with their own weights are not'):
        count_backbone(Odd(), (2, 2))


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.product = nn.Bilinear(2, 2, 2)

    def forward(self, x):
        return self.product(x, x)


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
