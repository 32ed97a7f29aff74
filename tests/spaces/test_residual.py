"""The ResNet seeds and the space of Table 7."""

from dataclasses import replace

import pytest

from mmtransfer.seeds import seed_network
from mmtransfer.seeds.ops import Conv
from mmtransfer.space import SpaceError
from mmtransfer.spaces import (
    closest_to_seed,
    network,
    residual_space,
    seed_architecture,
    space_around,
    space_of,
)


def test_space_of_table_7():
    space = residual_space('resnet18')
    assert [c.name for c in space.choices][:3] == [
        'stage0.layer0',
        'stage0.layer1',
        'stage1.layer0',
    ]
    assert {c.options for c in space.choices} == {('k3g1', 'k5g2', 'k5g4', 'k7g4', 'k7g8')}
    assert space.size == 5**8 and residual_space('resnet50').size == 5**16
    assert space_around('resnet18') == space


@pytest.mark.parametrize('name', ['resnet18', 'resnet50'])
def test_the_seed_is_k3g1_throughout(name):
    a = seed_architecture(name)
    assert set(a.as_dict.values()) == {'k3g1'}
    plain = network(a)
    assert [replace(n, choice=None) for n in plain.nodes] == list(seed_network(name).nodes)
    assert [n.choice for n in plain.nodes if n.choice] == [n for n, op in a.options if op != 'skip']
    assert space_of(a) == residual_space(name) and closest_to_seed(space_of(a)) == a


def test_convolutions_of_a_basic_block_and_of_a_bottleneck():
    basic = seed_architecture('resnet18').as_dict | {'stage1.layer0': 'k5g4'}
    first = network(residual_space('resnet18').architecture(basic)).stages[1][0]
    assert first.convs == (
        Conv('conv1', 64, 128, 5, 2, groups=4),
        Conv('conv2', 128, 128, 3, 2),
        Conv('downsample', 64, 128, 1, 2),
    )
    assert first.convs[0].shape == (128, 16, 5, 5)
    deep = seed_architecture('resnet50').as_dict | {'stage2.layer1': 'k7g8'}
    inner = network(residual_space('resnet50').architecture(deep)).stages[2][1]
    assert inner.convs == (
        Conv('conv1', 1024, 256, 1),
        Conv('conv2', 256, 256, 7, 1, groups=8),
        Conv('conv3', 256, 1024, 1),
    )


def test_published_widths():
    assert seed_network('resnet50').out_channels(range(4)) == (256, 512, 1024, 2048)
    assert seed_network('resnet18').out_channels(range(4)) == (64, 128, 256, 512)


def test_what_makes_no_space():
    with pytest.raises(SpaceError, match='mobilenet_v2 is made of MBConv blocks'):
        residual_space('mobilenet_v2')
    with pytest.raises(
        SpaceError, match="must read like 'k5g2', kernel and groups; received 'k5e3'"
    ):
        residual_space('resnet18', ['k3g1', 'k5e3'])
    with pytest.raises(SpaceError, match=r"one to 64, each once; received \['k3g1', 'k3g1'\]"):
        residual_space('resnet18', ['k3g1', 'k3g1'])
    with pytest.raises(SpaceError, match="stage0.layer0 of resnet18 has 64 and 64, 'k5g3' makes"):
        residual_space('resnet18', ['k3g1', 'k5g3'])
    with pytest.raises(SpaceError, match='takes ops; received .*kernels'):
        space_around('resnet18', kernels=(3, 5))
