"""Strategies of Sec. 4.9: what the remapped blocks and networks compute."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import conv2d

from mmtransfer.backbones.adapted import AdaptedBackbone
from mmtransfer.blocks import MBConv
from mmtransfer.remap import network_to_network, plan_remap, remap, with_strategy
from mmtransfer.remap.rules import fit_kernel
from mmtransfer.remap.strategy import NEW, WIDTHS
from mmtransfer.seeds import find_seed
from mmtransfer.seeds.layout import network_layout
from mmtransfer.spaces import network
from tests.remap.cases import layout_of, space, tensors

RANKED = WIDTHS[1:]
SETTINGS = dict(norm_cfg=dict(type='BN'), act_cfg=dict(type='ReLU6'))
numbers = st.integers(0, 2**32)


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

    def numbers(op):
        return find_seed(architecture.seed).op(op).numbers

    options = {}
    for choice in choices.choices:
        op = architecture[choice.name]
        larger = [o for o in choice.options if 'skip' not in (o, op)]
        larger = [o for o in larger if all(map(int.__ge__, numbers(o), numbers(op)))]
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
