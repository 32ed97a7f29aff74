"""Layouts against the state dicts of the modules that they describe."""

import random

import pytest
import torch

from mmtransfer.backbones import AdaptedBackbone, FNASupernet
from mmtransfer.seeds import find_seed, seed_network
from mmtransfer.seeds.layout import classifier_layout, network_layout
from mmtransfer.spaces import mbconv_space, network
from mmtransfer.spaces.layout import supernet_layout


def shapes(module: torch.nn.Module) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tuple(tensor.shape)) for name, tensor in module.state_dict().items()]


@pytest.mark.parametrize('seed', ['mobilenet_v2', 'efficientnet_lite0'])
def test_plain_networks(seed):
    with torch.device('meta'):
        assert shapes(AdaptedBackbone(seed)) == list(network_layout(seed_network(seed)).items())
        space = mbconv_space(seed, expansions=(1, 4))
        a = space.sample(random.Random(0))
        assert shapes(AdaptedBackbone(a)) == list(network_layout(network(a)).items())


@pytest.mark.parametrize('seed', ['mobilenet_v2', 'efficientnet_lite0'])
@pytest.mark.parametrize('rule', [{}, {'layers': (2, 1, 1, 3, 1, 2), 'expansions': (1, 3)}])
def test_supernets(seed, rule):
    with torch.device('meta'):
        supernet = FNASupernet(seed, **rule)
    assert shapes(supernet) == list(supernet_layout(mbconv_space(seed, **rule)).items())


def test_a_block_spelled_out():
    layout = network_layout(seed_network('mobilenet_v2'))
    block = {name: s for name, s in layout.items() if name.startswith('stages.1.0.')}
    assert list(block)[:2] == ['stages.1.0.expand.conv.weight', 'stages.1.0.expand.bn.weight']
    assert block['stages.1.0.expand.conv.weight'] == (96, 16, 1, 1)
    assert block['stages.1.0.depthwise.conv.weight'] == (96, 1, 3, 3)
    assert block['stages.1.0.project.conv.weight'] == (24, 96, 1, 1)
    assert block['stages.1.0.project.bn.running_var'] == (24,)
    assert block['stages.1.0.project.bn.num_batches_tracked'] == ()
    assert 'stages.0.0.expand.conv.weight' not in layout
    assert layout['stem.conv.weight'] == (32, 3, 3, 3)


def test_supernet_positions_and_logits():
    layout = supernet_layout(mbconv_space('mobilenet_v2'))
    assert layout['stages.2.0.k7e3.expand.conv.weight'] == (72, 24, 1, 1)
    assert layout['stages.2.3.k7e3.depthwise.conv.weight'] == (96, 1, 7, 7)
    assert layout['stages.0.0.project.conv.weight'] == (16, 32, 1, 1)
    assert not any('skip' in name for name in layout)
    assert [layout[f'logits.{i}'] for i in (0, 1, 20)] == [(6,), (7,), (6,)]
    assert 'logits.21' not in layout


def test_classifier():
    layout = classifier_layout(find_seed('efficientnet_lite0'))
    assert layout['head.conv.weight'] == (1280, 320, 1, 1)
    assert layout['head.bn.running_mean'] == (1280,)
    assert layout['fc.weight'] == (1000, 1280) and layout['fc.bias'] == (1000,)
