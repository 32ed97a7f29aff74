"""Strategies of Sec. 4.9: by hand, against real modules, and as a property of every plan."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import conv2d

from mmtransfer.backbones.adapted import AdaptedBackbone
from mmtransfer.blocks import MBConv
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
from mmtransfer.remap.rules import fit_kernel
from mmtransfer.remap.strategy import KERNELS, NEW, WIDTHS, check_strategy
from mmtransfer.seeds import (
    SEEDS,
    mbconv_space,
    network,
    parse_op,
    seed_network,
    space_around,
)
from mmtransfer.seeds.layout import network_layout, supernet_layout

RANKED = WIDTHS[1:]
SETTINGS = dict(norm_cfg=dict(type='BN'), act_cfg=dict(type='ReLU6'))
numbers = st.integers(0, 2**32)
widths, kernels = st.sampled_from(WIDTHS), st.sampled_from(KERNELS)


def tensors(layout, number=0):
    """Random tensors of double precision; running variances are positive, kernels in scale."""
    generator = torch.Generator().manual_seed(number)
    made = {n: torch.randn(s, generator=generator).double() for n, s in layout.items()}
    for name, tensor in made.items():
        if name.endswith('running_var'):
            made[name] = tensor.abs() + 0.5
        elif tensor.dim() > 1:
            made[name] = tensor * 2 / tensor[0].numel() ** 0.5
    return made


def layout_of(module, prefix=''):
    return {prefix + n: tuple(t.shape) for n, t in module.state_dict().items()}


def space(kernels=(3, 5, 7), expansions=(1, 3, 6)):
    return mbconv_space('mobilenet_v2', kernels=kernels, expansions=expansions)


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
    prefixed = with_strategy(plain, 'l1').prefixed('backbone.')
    assert prefixed.moves[-1].ranks[1] == Ranking('l1', 'backbone.b.expand.conv.weight')


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
    if SEEDS[seed].family == 'residual':  # the hidden width of a residual block is not searched
        assert plan == plain
        kernels = {m.kernel for m in with_strategy(plain, kernel='dilate').moves}
        assert ('dilate' in kernels) == (seed in ('resnet18', 'resnet50'))  # variants keep 3x3
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


# What the remapped networks compute


def narrowed(old, new, width):
    """The source's tensors, with those of the target that the plan makes of them loaded."""
    state = tensors(layout_of(old, 'b.'), 4)
    plan = plan_remap(layout_of(new, 'b.'), layout_of(old, 'b.'), lambda n: n)
    own = {f'b.{n}': t for n, t in new.state_dict().items()}
    result = remap(with_strategy(plan, width), state, own)
    for module, loaded in ((old, state), (new, result)):
        module.load_state_dict({n.removeprefix('b.'): t for n, t in loaded.items()})
    return {n.removeprefix('b.'): t for n, t in state.items()}


def best(state, width, convolution, count):
    """Algorithm 1 once more, with Python's sort."""
    rows = state[f'{convolution}.conv.weight'].flatten(1)
    scores = {
        'bn_scale': state['depthwise.bn.weight'].abs(),
        'l1': rows.abs().sum(1),
        'std': rows.std(1),
    }[width].tolist()
    return sorted(sorted(range(len(scores)), key=lambda i: -scores[i])[:count])


@pytest.mark.parametrize('width', RANKED)
@pytest.mark.parametrize(('stride', 'kernel', 'narrow'), [(1, 3, 3), (2, 5, 3), (1, 7, 4)])
def test_a_narrowed_block_is_the_block_with_its_other_hidden_channels_cut(
    width, stride, kernel, narrow
):
    """Cutting a hidden channel and silencing it (its projection set to 0) are the same."""
    old = MBConv(8, 8, kernel, stride, 6, **SETTINGS).double().eval()
    new = MBConv(8, 8, kernel, stride, narrow, **SETTINGS).double().eval()
    state = narrowed(old, new, width)
    kept = best(state, width, 'expand', 8 * narrow)
    assert kept != list(range(8 * narrow))
    silenced = torch.ones(48, dtype=torch.bool)
    silenced[kept] = False
    images = torch.randn(2, 8, 9, 10).double()
    with torch.no_grad():
        whole = old(images)
        old.project.conv.weight[:, silenced] = 0
        torch.testing.assert_close(new(images), old(images), rtol=1e-12, atol=1e-12)
        assert (whole - old(images)).abs().max() > 1e-2


@pytest.mark.parametrize('width', RANKED)
def test_a_block_without_expansion_is_ranked_by_its_depthwise_convolution(width):
    old, new = (MBConv(8, 8, 3, 1, e, **SETTINGS).double() for e in (6, 1))
    state = narrowed(old, new, width)
    kept = best(state, width, 'depthwise', 8)
    for name, tensor in new.state_dict().items():
        if name.startswith('depthwise') and tensor.dim():
            assert torch.equal(tensor, state[name][kept]), name
    assert torch.equal(new.project.conv.weight, state['project.conv.weight'][:, kept])


def grown(architecture, number):
    """The same architecture with larger kernels and expansions, somewhere."""
    rng, choices = random.Random(number), space()
    options = {}
    for choice in choices.choices:
        op = architecture[choice.name]
        larger = [o for o in choice.options if 'skip' not in (o, op)]
        larger = [o for o in larger if all(map(int.__ge__, parse_op(o), parse_op(op)))]
        options[choice.name] = rng.choice(larger) if larger else op
    return choices.architecture(options)


@pytest.mark.parametrize('size', [(64, 64), (33, 47)])
@pytest.mark.parametrize(('width', 'new'), [*((w, 'zero') for w in WIDTHS), ('first', 'fresh')])
def test_growing_kernels_and_widths_leaves_the_outputs_unchanged(width, new, size):
    """Every ``width`` and ``new`` claims it; so does the kernel rule 'centre'."""
    small = space().sample(random.Random(7))
    options = {n: o.replace('e1', 'e3').replace('k7', 'k3') for n, o in small.options}
    small = space().architecture(options)
    large = grown(small, 8)
    source, target = network(small), network(large)
    plan = with_strategy(network_to_network(source, target), width, new=new)
    rules = {m.rule for m in plan.moves}
    assert {'centre pad', 'zero pad', 'pad with 1'} <= rules
    assert ('fresh channels' in rules) == (new == 'fresh')
    before = AdaptedBackbone(small).double().eval()
    before.load_state_dict(tensors(network_layout(source), 3))
    state = before.state_dict()
    after = AdaptedBackbone(large).double().eval()
    after.load_state_dict(remap(plan, state, after.state_dict()))
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        for x, y in zip(before(images), after(images), strict=True):
            assert x.abs().max() > 1e-3
            torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('new', NEW)
def test_growing_from_no_expansion_changes_the_outputs(new):
    """The expansion that the source lacks is random: no ``new`` claims otherwise."""
    small = space().sample(random.Random(7))
    small = space().architecture({n: 'k3e1' for n, _ in small.options})
    large = space().architecture({n: 'k3e3' for n, _ in small.options})
    plan = with_strategy(network_to_network(network(small), network(large)), new=new)
    assert {m.rule for m in plan.moves if '.expand.' in m.target} == {'initialise'}
    before, after = (AdaptedBackbone(a).double().eval() for a in (small, large))
    after.load_state_dict(remap(plan, before.state_dict(), after.state_dict()))
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        x, y = before(images)[-1], after(images)[-1]
    assert (x - y).norm() > 0.1 * x.norm()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([(3, 5), (3, 7), (3, 9), (5, 9), (2, 4)]), st.booleans(), numbers)
def test_dilate_is_a_dilated_convolution_bit_for_bit(sizes, depthwise, number):
    """Whole numbers, so that no order of summation rounds."""
    old, new = sizes
    generator = torch.Generator().manual_seed(number)
    step, channels = (new - 1) // (old - 1), 4
    shape = (channels, 1 if depthwise else channels, old, old)
    weight = torch.randint(-9, 10, shape, generator=generator).double()
    images = torch.randint(-9, 10, (2, channels, 15, 12), generator=generator).double()
    spread = fit_kernel(weight, (new, new), dilate=True)
    assert torch.equal(spread[..., ::step, ::step], weight)
    assert spread.count_nonzero() == weight.count_nonzero()
    groups, padding = channels if depthwise else 1, (new - 1) // 2
    expected = conv2d(images, weight, padding=padding, dilation=step, groups=groups)
    assert torch.equal(conv2d(images, spread, padding=padding, groups=groups), expected)


def test_equation_11_by_hand():
    weight = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    spread = fit_kernel(weight, (5, 5), dilate=True)[0, 0]
    assert spread.tolist() == [
        [1, 0, 2, 0, 3],
        [0, 0, 0, 0, 0],
        [4, 0, 5, 0, 6],
        [0, 0, 0, 0, 0],
        [7, 0, 8, 0, 9],
    ]


def test_dilate_crops_what_shrinks_and_centres_a_single_tap():
    for have, want, rule in [(5, 3, 'centre crop'), (1, 3, 'centre pad'), (3, 3, 'copy')]:
        plain = plan_remap({'x': (2, 1, want, want)}, {'x': (2, 1, have, have)}, lambda n: n)
        assert with_strategy(plain, kernel='dilate') == plain
        assert plain.moves[0].rule == rule


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


@pytest.mark.parametrize('new', NEW)
def test_new_channels_learn_if_they_are_fresh(new):
    """Zeros on both sides of a product stay zeros: Eq. 3 makes room and does not fill it."""
    options = [
        o.replace('e6', 'e3').replace('e1', 'e3')
        for _, o in space().sample(random.Random(7)).options
    ]
    small = space().architecture(options)
    large = space().architecture([o.replace('e3', 'e6') for o in options])
    plan = with_strategy(network_to_network(network(small), network(large)), new=new)
    net = AdaptedBackbone(large).double().eval()
    weights = tensors(network_layout(network(small)), 5)
    initial = {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(remap(plan, weights, net.state_dict()))
    sum(f.square().mean() for f in net(torch.randn(1, 3, 64, 64).double())).backward()
    block = net.stages[1][0]
    hidden = block.expand.conv.out_channels // 2
    name = 'stages.1.0.expand.conv.weight'
    assert torch.equal(block.expand.conv.weight[:hidden], weights[name])
    made, kept = block.expand.conv.weight[hidden:], initial[name][hidden:]
    assert torch.equal(made, kept if new == 'fresh' else torch.zeros_like(kept))
    assert not block.project.conv.weight[:, hidden:].any()
    assert bool(block.project.conv.weight.grad[:, hidden:].any()) == (new == 'fresh')


def test_unknown_strategies_are_refused():
    plain = plan_remap({}, {}, lambda n: n)
    for wrong in (dict(width='bn'), dict(kernel='center'), dict(new='random')):
        with pytest.raises(ValueError, match=r"'first', 'bn_scale'.*'centre', 'dilate'"):
            with_strategy(plain, **wrong)
    with pytest.raises(ValueError, match=r"may name width one of .*received widht='l1'"):
        check_strategy(widht='l1')
