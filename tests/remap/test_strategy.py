"""Strategies of Sec. 4.9: by hand, as a property of every plan, and where they are refused."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.remap import (
    Move,
    Ranking,
    RemapError,
    network_to_network,
    plan_remap,
    remap,
    seed_to_supernet,
    with_strategy,
)
from mmtransfer.remap.ranking import reference, top_indices
from mmtransfer.remap.strategy import KERNELS, WIDTHS, check_strategy
from mmtransfer.seeds import SEEDS, seed_network
from mmtransfer.seeds.layout import network_layout
from mmtransfer.spaces import mbconv_space, network, space_around
from mmtransfer.spaces.layout import supernet_layout
from tests.remap.cases import space, tensors

RANKED = WIDTHS[1:]
numbers = st.integers(0, 2**32)
widths, kernels = st.sampled_from(WIDTHS), st.sampled_from(KERNELS)


# Algorithm 1


def test_the_top_channels_stay_in_their_order():
    vector = torch.tensor([0.3, 0.9, 0.1, 0.7, 0.5])
    assert top_indices(vector, 3).tolist() == [1, 3, 4]
    assert top_indices(vector, 5).tolist() == [0, 1, 2, 3, 4]
    assert top_indices(torch.ones(5), 3).tolist() == [0, 1, 2]


def test_reference_vectors_by_hand():
    weight = torch.tensor([[1.0, -1.0], [3.0, 3.0], [0.0, -4.0]]).reshape(3, 2, 1, 1)
    assert reference(weight, 'l1').tolist() == [2, 6, 4]
    assert reference(weight, 'std').tolist() == [1, 0, 2]
    assert reference(weight[:, :1], 'std').tolist() == [0, 0, 0]
    assert reference(torch.tensor([1.0, -2.0]), 'bn_scale').tolist() == [1, 2]
    with pytest.raises(ValueError, match="'bn_scale', 'std' or 'l1'; received 'max'"):
        reference(weight, 'max')


HIDDEN = {
    'b.expand.conv.weight': (3, 1, 1, 1),
    'b.expand.bn.weight': (3,),
    'b.depthwise.conv.weight': (3, 1, 1, 1),
    'b.depthwise.bn.weight': (3,),
    'b.project.conv.weight': (1, 3, 1, 1),
}
NARROW = {n: tuple(2 if size == 3 else size for size in shape) for n, shape in HIDDEN.items()}


@pytest.mark.parametrize(('width', 'kept'), [('bn_scale', [0, 2]), ('l1', [1, 2]), ('std', [0, 1])])
def test_algorithm_1_by_hand(width, kept):
    """Three hidden channels, two to keep; one ranking for all five tensors."""
    state = {
        'b.expand.conv.weight': torch.tensor([1.0, -5.0, 3.0]).reshape(3, 1, 1, 1),
        'b.expand.bn.weight': torch.tensor([9.0, 8.0, 7.0]),
        'b.depthwise.conv.weight': torch.tensor([4.0, 5.0, 6.0]).reshape(3, 1, 1, 1),
        'b.depthwise.bn.weight': torch.tensor([-3.0, 1.0, 2.0]),
        'b.project.conv.weight': torch.tensor([10.0, 20.0, 30.0]).reshape(1, 3, 1, 1),
    }
    plan = with_strategy(plan_remap(NARROW, HIDDEN, lambda n: n), width)
    result = remap(plan, state, tensors(NARROW))
    for name, tensor in state.items():
        assert result[name].flatten().tolist() == tensor.flatten()[kept].tolist(), name


# The plan as a value


def test_the_plan_names_strategy_and_tensor():
    target = dict(NARROW, **{'b.depthwise.conv.weight': (2, 1, 5, 5)})
    source = dict(HIDDEN, **{'b.depthwise.conv.weight': (3, 1, 3, 3)})
    plain = plan_remap(target, source, lambda n: n)
    plan = with_strategy(plain, 'bn_scale', 'dilate')
    rules = {m.target: m.rule for m in plan.moves}
    assert rules['b.expand.bn.weight'] == 'top channels by bn_scale'
    assert rules['b.depthwise.conv.weight'] == 'top channels by bn_scale + dilate'
    assert plan.moves[-1].ranks == (None, Ranking('bn_scale', 'b.depthwise.bn.weight'))
    assert 'top channels by bn_scale + dilate, ranked by b.depthwise.bn.weight' in plan.explain()
    assert {m.ranks[0] for m in with_strategy(plain, 'l1').moves[:-1]} == {
        Ranking('l1', 'b.expand.conv.weight')
    }
    assert with_strategy(plan) == plain and with_strategy(plan, 'std') == with_strategy(
        plain, 'std'
    )


def test_rankings_follow_when_the_source_has_other_names():
    plain = plan_remap(NARROW, HIDDEN, lambda n: n)
    names, present = {n: f'theirs.{n}' for n in HIDDEN}, [f'theirs.{n}' for n in HIDDEN]
    renamed = with_strategy(plain, 'bn_scale').with_sources(names, present)
    assert renamed == with_strategy(plain.with_sources(names, present), 'bn_scale')
    assert renamed.moves[0].read == (
        'theirs.b.expand.conv.weight',
        'theirs.b.depthwise.bn.weight',
    )


def test_the_ranking_tensor_is_checked_before_anything_is_computed():
    move = Move('x.weight', (1,), 'x.weight', (2,), ranks=(Ranking('bn_scale', 'y.weight'), None))
    plan = type(plan_remap({}, {}, str))((move,))
    target, source = {'x.weight': torch.ones(1)}, {'x.weight': torch.ones(2)}
    for wrong in ({}, {'y.weight': torch.ones(3)}):
        with pytest.raises(RemapError, match="'y.weight' does not rank 2 channels"):
            remap(plan, source | wrong, target)


@settings(max_examples=25, deadline=None)
@given(numbers, numbers, widths, kernels)
def test_every_tensor_has_one_fate_under_every_strategy(number, other, width, kernel):
    small = (3, 5) if kernel == 'dilate' else (3, 5, 7)
    source = network(space(small).sample(random.Random(number)))
    target = network(space(small).sample(random.Random(other)))
    have, want = network_layout(source), network_layout(target)
    plain = network_to_network(source, target)
    plan = with_strategy(plain, width, kernel)
    assert [m.target for m in plan.moves] == list(want)
    assert [m.source for m in plan.moves] == [m.source for m in plain.moves]
    used = {name for m in plan.moves for name in m.read}
    assert used | set(plan.unused) == set(have) and not used & set(plan.unused)
    first = [m for m in plan.moves if 'first channels' in m.rule]
    assert not first or width == 'first'
    result = remap(plan, tensors(have), tensors(want))
    assert {name: tuple(t.shape) for name, t in result.items()} == want


@pytest.mark.parametrize('width', RANKED)
def test_a_supernet_takes_every_candidate_under_every_strategy(width):
    searched = mbconv_space('mobilenet_v2', layers=(1, 2, 1, 1, 1, 1))
    plan = seed_to_supernet(seed_network('mobilenet_v2'), searched)
    plan = with_strategy(plan, width, 'dilate')
    assert [m.target for m in plan.moves] == list(supernet_layout(searched))
    rules = {m.target: m.rule for m in plan.moves}
    assert rules['stages.2.1.k7e3.depthwise.conv.weight'] == f'top channels by {width} + dilate'
    assert rules['stages.2.1.k3e6.depthwise.conv.weight'] == 'copy'


@pytest.mark.parametrize('seed', sorted(SEEDS))
@pytest.mark.parametrize('width', RANKED)
def test_the_supernet_of_every_seed_under_every_width(seed, width):
    searched = space_around(seed)
    plain = seed_to_supernet(seed_network(seed), searched)
    plan = with_strategy(plain, width)
    assert [m.target for m in plan.moves] == list(supernet_layout(searched))
    assert plan.unused == plain.unused
    rules = {rule for m in plan.moves for rule in m.rule.split(' + ')}
    assert 'first channels' not in rules
    if SEEDS[seed].kind.space == 'residual':  # the hidden width of a residual block is not searched
        assert plan == plain
        kernels = {m.kernel for m in with_strategy(plain, kernel='dilate').moves}
        own = {op for stage in SEEDS[seed].stages for op in stage.ops}
        assert ('dilate' in kernels) == (own == {'k3g1'})  # variants keep 3x3
    else:
        assert f'top channels by {width}' in rules


@settings(max_examples=15, deadline=None)
@given(numbers, widths, kernels)
def test_the_same_architecture_is_the_identity_bit_for_bit(number, width, kernel):
    net = network(space().sample(random.Random(number)))
    state = tensors(network_layout(net), 1)
    plan = with_strategy(network_to_network(net, net), width, kernel)
    result = remap(plan, state, tensors(network_layout(net), 2))
    assert {m.rule for m in plan.moves} == {'copy'} and plan.unused == ()
    assert all(torch.equal(result[name], state[name]) for name in state)


# What cannot be treated


def test_taps_without_whole_positions_are_refused_by_name():
    seed, searched = 'efficientnet_lite0', mbconv_space('efficientnet_lite0')
    plan = seed_to_supernet(seed_network(seed), searched)
    with pytest.raises(RemapError) as caught:
        with_strategy(plan, kernel='dilate')
    text = str(caught.value)
    assert "5x5 taps of 'stages.2.0.depthwise.conv.weight' evenly over the 7x7" in text
    assert "'stages.2.0.k7e3.depthwise.conv.weight'" in text and "kernel='centre'" in text
    assert 'Nor can it treat stages.2.0.k7e6.depthwise.conv.weight' in text
    with_strategy(seed_to_supernet(seed_network(seed), mbconv_space(seed, kernels=(3, 5))), 'l1')


@pytest.mark.parametrize('width', RANKED)
@pytest.mark.parametrize(
    ('name', 'shape', 'side'),
    [
        ('stem.conv.weight', (2, 4, 1, 1), 'output'),
        ('b.project.conv.weight', (2, 4, 1, 1), 'output'),
        ('b.expand.conv.weight', (4, 2, 1, 1), 'input'),
        ('fc.weight', (4, 2), 'input'),
    ],
)
def test_channels_that_other_layers_read_are_refused_by_name(width, name, shape, side):
    """Only a block's hidden channels are its own business."""
    plain = plan_remap({name: shape}, {name: (4, 4, *shape[2:])}, lambda n: n)
    with pytest.raises(RemapError, match=f"it cannot treat the {side} channels of '{name}'"):
        with_strategy(plain, width)


def test_a_source_without_the_ranking_tensor_is_refused_by_name():
    def without(*names):
        return plan_remap(NARROW, HIDDEN, lambda n: None if n in names else n)

    norm, expand = 'b.depthwise.bn.weight', 'b.expand.conv.weight'
    with pytest.raises(RemapError, match=f"'b.expand.conv.weight' by what {norm} is made from"):
        with_strategy(without(norm), 'bn_scale')
    plan = with_strategy(without(expand), 'l1')
    assert plan.moves[-1].ranks[1] == Ranking('l1', 'b.depthwise.conv.weight')
    with pytest.raises(RemapError, match=r'b\.expand\.conv\.weight or b\.depthwise\.conv\.weight'):
        with_strategy(without(expand, 'b.depthwise.conv.weight'), 'std')


def test_a_ranking_of_other_channels_is_refused():
    source = dict(HIDDEN, **{'b.depthwise.bn.weight': (4,)})
    plain = plan_remap(NARROW, source, lambda n: n)
    with pytest.raises(RemapError, match=r"each of the 3 channels of 'b.expand.conv.weight'"):
        with_strategy(plain, 'bn_scale')


def test_unknown_strategies_are_refused():
    plain = plan_remap({}, {}, lambda n: n)
    for wrong in (dict(width='bn'), dict(kernel='center'), dict(new='random')):
        with pytest.raises(ValueError, match=r"'first', 'bn_scale'.*'centre', 'dilate'"):
            with_strategy(plain, **wrong)
    with pytest.raises(ValueError, match=r"may name width one of .*received widht='l1'"):
        check_strategy(widht='l1')
