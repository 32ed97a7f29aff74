"""Block allocations: the space, and networks by their number of blocks."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.seeds import seed_network
from mmtransfer.space import SpaceError
from mmtransfer.spaces import (
    allocation,
    closest_to_seed,
    depth_space,
    network,
    read_architecture,
    space_of,
)


def test_the_supernet_of_the_paper():
    space = depth_space('resnet50', [8, 10, 36, 14])
    assert [c.name for c in space.choices] == [f'stage{s}.blocks' for s in range(4)]
    assert space.choices[0].options == tuple('12345678')
    assert space.size == 8 * 10 * 36 * 14
    mobile = depth_space('mobilenet_v2', [5, 6, 8, 7, 7])
    assert [c.name for c in mobile.choices] == [f'stage{s}.blocks' for s in range(1, 6)]


@pytest.mark.parametrize('seed', ['resnet18', 'resnet50', 'mobilenet_v2', 'mnasnet'])
def test_the_seed_is_its_own_allocation(seed):
    own = seed_network(seed)
    a = closest_to_seed(depth_space(seed))
    layers = [[(la.name, la.convs) for la in net.nodes] for net in (network(a), own)]
    assert layers[0] == layers[1]
    blocks = [len(own.stages[int(name[5:-7])]) for name, _ in a.options]
    assert allocation(seed, blocks) == a


def test_a_child_by_its_blocks():
    a = allocation('resnet50', [1, 3, 7, 5])
    net = network(a)
    assert [len(stage) for stage in net.stages] == [1, 3, 7, 5]
    assert a.rule == {'max_blocks': [3, 4, 7, 5]}
    assert [la.in_channels for la in net.stages[2]] == [512, *[1024] * 6]
    assert [la.stride for la in net.stages[2]] == [2, *[1] * 6]
    assert read_architecture(json.loads(a.to_json())) == a
    lite = network(allocation('efficientnet_lite0', [3, 1, 4, 2, 4]))
    assert [[la.op.text for la in s] for s in lite.stages][1:3] == [['k3e6'] * 3, ['k5e6']]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=4, max_size=4), st.integers(0, 10**6))
def test_every_allocation_is_a_prefix_of_the_deepest(most, number):
    space = depth_space('resnet18', most)
    a = space.sample(random.Random(number))
    whole = network(space.architecture([c.options[-1] for c in space.choices]))
    for kept, stage in zip(network(a).stages, whole.stages, strict=True):
        first = [replace(node, inputs=own.inputs) for node, own in zip(stage, kept, strict=False)]
        assert list(kept) == first and kept
    assert space_of(a) == space


def test_what_is_no_allocation():
    with pytest.raises(SpaceError, match=r'at least 1 for each of the 4 stages.*received \[3, 0'):
        allocation('resnet50', [3, 0, 6, 3])
    with pytest.raises(SpaceError, match=r'96, 160 channels\), and at most 256; received \[1, 2\]'):
        allocation('mobilenet_v2', [1, 2])
    with pytest.raises(SpaceError, match="must be one of 1, 2, 3; received '4'"):
        allocation('resnet50', [4, 1, 1, 1], max_blocks=[3, 4, 6, 3])
    with pytest.raises(
        SpaceError, match=r'max_blocks must give at least 1.*received \[0, 1, 1, 1\]'
    ):
        depth_space('resnet50', [0, 1, 1, 1])
    with pytest.raises(SpaceError, match='no skips between their blocks; fbnet_c has some'):
        depth_space('fbnet_c')
