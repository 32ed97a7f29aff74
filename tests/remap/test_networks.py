"""Plans between seeds, supernets and architectures, against real modules."""

import random
from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.backbones.adapted import AdaptedBackbone
from mmtransfer.backbones.fna import FNASupernet
from mmtransfer.remap import (
    RemapError,
    network_to_network,
    remap,
    seed_to_supernet,
    supernet_to_network,
)
from mmtransfer.seeds import SEEDS, seed_network
from mmtransfer.seeds.layout import network_layout
from mmtransfer.spaces import mbconv_space, network, residual_space, seed_architecture, space_around
from mmtransfer.spaces.layout import supernet_layout

MBCONV = sorted(name for name, seed in SEEDS.items() if seed.block == 'mbconv')
SEED_NAMES = ('mobilenet_v2', 'efficientnet_lite0')  # their spaces hold the seeds themselves
seeds = st.sampled_from(MBCONV)
numbers = st.integers(0, 2**32)


def sample(seed, number, **rule):
    return space_around(seed, **rule).sample(random.Random(number))


def tensors(layout, number=0):
    """Random tensors; running variances are positive."""
    generator = torch.Generator().manual_seed(number)
    state = {n: torch.rand(shape, generator=generator) for n, shape in layout.items()}
    for name, tensor in state.items():
        if name.endswith('num_batches_tracked'):
            state[name] = torch.tensor(7)
        elif name.endswith('running_var'):
            tensor += 0.5
        elif name.endswith('conv.weight'):
            tensor -= 0.5
            tensor *= 4 / tensor[0].numel() ** 0.5
    return state


def backbone(architecture, state):
    built = AdaptedBackbone(architecture).double().eval()
    built.load_state_dict(state)
    return built


@pytest.mark.parametrize('seed', sorted(SEEDS))
@settings(max_examples=2, deadline=None)
@given(number=numbers)
def test_the_same_architecture_is_the_identity_bit_for_bit(seed, number):
    net = network(sample(seed, number))
    layout = network_layout(net)
    plan = network_to_network(net, net)
    state = tensors(layout, number)
    result = remap(plan, state, tensors(layout, number + 1))
    assert {m.rule for m in plan.moves} == {'copy'} and plan.unused == ()
    assert list(result) == list(layout)
    assert all(torch.equal(result[name], state[name]) for name in layout)


@settings(max_examples=25, deadline=None)
@given(seeds, numbers, seeds, numbers)
def test_any_pair_of_architectures(seed, number, other_seed, other_number):
    """Every target tensor has one fate, every source tensor a use or a mention."""
    source, target = network(sample(seed, number)), network(sample(other_seed, other_number))
    have, want = network_layout(source), network_layout(target)
    plan = network_to_network(source, target)
    assert [m.target for m in plan.moves] == list(want)
    used = {m.source for m in plan.moves if m.source}
    assert used | set(plan.unused) == set(have) and not used & set(plan.unused)
    assert all(m.source for m in plan.moves)  # every expansion has one to come from
    depth = {layer.name: layer for layer in source.nodes}
    for layer in target.nodes:
        origin = f'stages.{layer.stage}.{min(layer.index, len(source.stages[layer.stage]) - 1)}'
        assert origin in depth
        moves = [m for m in plan.moves if m.target.startswith(f'{layer.name}.')]
        assert {m.source.rsplit('.', 3)[0] for m in moves} == {origin}
    result = remap(plan, tensors(have), tensors(want))
    assert {name: tuple(t.shape) for name, t in result.items()} == want


def test_depth_takes_the_last_layer_of_a_shorter_stage():
    space = mbconv_space('mobilenet_v2')
    deep = network(space.architecture(['k3e6'] * len(space.choices)))
    plan = network_to_network(seed_network('mobilenet_v2'), deep)
    name = 'stages.1.{}.depthwise.conv.weight'.format
    origin = {m.target: m.source for m in plan.moves}
    assert [origin[name(i)] for i in range(4)] == [name(0), name(1), name(1), name(1)]


def grow(architecture, number):
    """The same architecture with larger kernels and expansions, somewhere."""
    rng, space = random.Random(number), mbconv_space(architecture.seed, **architecture.rule)

    def numbers(op):
        return SEEDS[architecture.seed].op(op).numbers

    options = {}
    for choice in space.choices:
        op = architecture[choice.name]
        larger = [o for o in choice.options if o != 'skip' and op != 'skip']
        larger = [o for o in larger if all(map(int.__ge__, numbers(o), numbers(op)))]
        options[choice.name] = rng.choice(larger) if larger else op
    return space.architecture(options)


@pytest.mark.parametrize('mode', ['eval', 'train'])
@pytest.mark.parametrize('size', [(64, 64), (65, 47)])
@pytest.mark.parametrize('seed', MBCONV)
def test_growing_kernels_and_widths_leaves_the_outputs_unchanged(seed, size, mode):
    small = sample(seed, 11, kernels=(3, 5, 7), expansions=(1, 3, 6))
    small = small_ops(small)
    large = grow(small, 12)
    assert sum(a != b for a, b in zip(small.options, large.options, strict=True)) > 5
    source, target = network(small), network(large)
    plan = network_to_network(source, target)
    assert {'centre pad', 'zero pad', 'pad with 1'} <= {m.rule for m in plan.moves}
    state = tensors(network_layout(source), 3)
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    before = backbone(small, state).train(mode == 'train')
    after = backbone(large, remap(plan, state, tensors(network_layout(target), 4)))
    after.train(mode == 'train')
    with torch.no_grad():
        for x, y in zip(before(images), after(images), strict=True):
            assert x.abs().max() > 1e-3
            torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-9)


def small_ops(architecture):
    """Expansion at least 3 where the source must have an expansion convolution."""
    options = {n: o.replace('e1', 'e3') for n, o in architecture.options}
    options = {n: o.replace('k7', 'k3') for n, o in options.items()}
    return mbconv_space(architecture.seed, **architecture.rule).architecture(options)


@pytest.mark.parametrize('seed', MBCONV)
def test_shrinking_is_undone_by_no_growth_but_keeps_the_core(seed):
    """Growing and shrinking again gives the first weights back, bit for bit."""
    small = small_ops(sample(seed, 5))
    source, target = network(small), network(grow(small, 6))
    state = tensors(network_layout(source))
    large = remap(network_to_network(source, target), state, tensors(network_layout(target), 1))
    back = remap(network_to_network(target, source), large, tensors(network_layout(source), 2))
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_a_block_without_expansion_leaves_the_expansion_to_itself():
    space = mbconv_space('mobilenet_v2', expansions=(1, 6))
    options = {c.name: 'k3e1' for c in space.choices}
    source = network(space.architecture(options))
    target = network(space.architecture({n: 'k3e6' for n in options}))
    plan = network_to_network(source, target)
    rules = {m.target: m.rule for m in plan.moves}
    assert rules['stages.1.0.expand.conv.weight'] == 'initialise'
    assert rules['stages.1.0.depthwise.conv.weight'] == 'initialise'
    assert rules['stages.1.0.project.conv.weight'] == 'zero pad'
    back = network_to_network(target, source)
    assert 'stages.1.0.expand.conv.weight' in back.unused


@cache
def supernet_state(seed):
    """A small space, its supernet's layout and the state remapped from a random seed network."""
    space = mbconv_space(seed, layers=(2, 3, 4, 3, 4, 1), kernels=(3, 5, 7))
    origin = seed_network(seed)
    plan = seed_to_supernet(origin, space)
    layout = supernet_layout(space)
    state = tensors(network_layout(origin))
    return space, plan, state, remap(plan, state, tensors(layout, 1))


@pytest.mark.parametrize('seed', SEED_NAMES)
def test_the_supernet_takes_every_candidate_from_the_seed(seed):
    space, plan, _, _ = supernet_state(seed)
    assert [m.target for m in plan.moves] == list(supernet_layout(space))
    kept = [m.target for m in plan.moves if m.source is None]
    assert kept == [f'logits.{i}' for i in range(len(space.choices))]
    assert plan.unused == ()


@pytest.mark.parametrize('seed', SEED_NAMES)
def test_seed_to_supernet_to_seed_is_the_identity_bit_for_bit(seed):
    space, _, state, supernet = supernet_state(seed)
    origin = network(seed_architecture(seed, **space.rule))
    assert [replace(n, choice=None) for n in origin.nodes] == list(seed_network(seed).nodes)
    plan = supernet_to_network(space, origin)
    back = remap(plan, supernet, tensors(network_layout(origin), 2))
    assert list(back) == list(state)
    assert all(torch.equal(back[name], state[name]) for name in state)


@settings(max_examples=15, deadline=None)
@given(seeds, numbers)
def test_collecting_from_the_supernet_follows_the_original_positions(seed, number):
    space = supernet_state(seed)[0]
    architecture = space.sample(random.Random(number))
    target = network(architecture)
    plan = supernet_to_network(space, target)
    assert {m.rule for m in plan.moves} == {'copy'}
    assert [m.target for m in plan.moves] == list(network_layout(target))
    assert set(plan.unused) == set(supernet_layout(space)) - {m.source for m in plan.moves}
    for stage in range(1, len(target.stages)):
        options = [o for n, o in architecture.options if n.startswith(f'stage{stage}.')]
        kept = [f'stages.{stage}.{n}.{o}' for n, o in enumerate(options) if o != 'skip']
        sources = [m.source for m in plan.moves if m.target.startswith(f'stages.{stage}.')]
        assert list(dict.fromkeys('.'.join(s.split('.')[:4]) for s in sources)) == kept


def test_the_extracted_network_computes_what_the_supernet_does():
    space, _, _, state = supernet_state('efficientnet_lite0')
    supernet = FNASupernet(seed=space.seed, **space.rule).double().eval()
    supernet.load_state_dict(state)
    architecture = space.sample(random.Random(1))
    assert any(option == 'skip' for _, option in architecture.options)
    target = network(architecture)
    plan = supernet_to_network(space, target)
    own = {n: t.double() for n, t in tensors(network_layout(target)).items()}
    plain = backbone(architecture, remap(plan, supernet.state_dict(), own))
    images = torch.randn(1, 3, 65, 64, dtype=torch.float64)
    with torch.no_grad(), supernet.evaluating(architecture):
        for x, y in zip(supernet(images), plain(images), strict=True):
            assert torch.equal(x, y)


def test_a_network_of_another_space_is_refused():
    small = mbconv_space('mobilenet_v2', layers=(1, 1, 1, 1, 1, 1))
    with pytest.raises(RemapError, match="decided by 'stage1.layer1'.*space_of"):
        supernet_to_network(small, network(seed_architecture('mobilenet_v2')))


def test_groups_keep_their_own_inputs():
    """Eq. 4 on a bottleneck's 3x3, then its kernel grows around the centre (Eq. 6)."""
    seed = seed_architecture('resnet50')
    options = seed.as_dict | {'stage1.layer2': 'k5g4'}
    target = network(residual_space('resnet50').architecture(options))
    source = network(seed)
    plan = network_to_network(source, target)
    changed = [m for m in plan.moves if m.rule != 'copy']
    assert [m.target for m in changed] == ['stages.1.2.conv2.conv.weight']
    assert changed[0].rule == 'slice groups + centre pad' and changed[0].groups == 4
    state = tensors(network_layout(source))
    result = remap(plan, state, tensors(network_layout(target), 1))
    have, want = state['stages.1.2.conv2.conv.weight'], result['stages.1.2.conv2.conv.weight']
    assert have.shape == (128, 128, 3, 3) and want.shape == (128, 32, 5, 5)
    for i, j in ((0, 0), (31, 31), (32, 0), (100, 7), (127, 31)):
        assert torch.equal(want[i, j, 1:4, 1:4], have[i, i // 32 * 32 + j])
    assert want.sum() == pytest.approx(want[:, :, 1:4, 1:4].sum().item(), rel=1e-6)


@pytest.mark.parametrize('mode', ['eval', 'train'])
def test_a_larger_kernel_with_the_same_groups_leaves_the_outputs_unchanged(mode):
    space = residual_space('resnet18')
    small, large = (space.architecture([op] * 8) for op in ('k5g4', 'k7g4'))
    source, target = network(small), network(large)
    plan = network_to_network(source, target)
    assert {m.rule for m in plan.moves} == {'copy', 'centre pad'}
    state = tensors(network_layout(source), 3)
    nets = [AdaptedBackbone(a, out_indices=(0, 1, 2, 3)).double() for a in (small, large)]
    nets[0].load_state_dict(state)
    nets[1].load_state_dict(remap(plan, state, tensors(network_layout(target), 4)))
    images = torch.randn(2, 3, 65, 47, dtype=torch.float64)
    with torch.no_grad():
        for x, y in zip(*(net.train(mode == 'train')(images) for net in nets), strict=True):
            torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-9)


def test_groups_cannot_be_split_again():
    space = residual_space('resnet18')
    two, four = (network(space.architecture([op] * 8)) for op in ('k5g2', 'k5g4'))
    with pytest.raises(RemapError, match=r'stages.0.0.conv1. has 4 groups .* which has 2'):
        network_to_network(two, four)


@pytest.mark.parametrize('seed', ['resnet18', 'fbnet_c', 'proxyless_mobile'])
def test_every_seed_fills_its_supernet_and_every_path_comes_out_again(seed):
    space = space_around(seed)
    plan = seed_to_supernet(seed_network(seed), space)
    assert [m.target for m in plan.moves] == list(supernet_layout(space))
    target = network(space.sample(random.Random(3)))
    collected = supernet_to_network(space, target)
    assert {m.rule for m in collected.moves} == {'copy'}
    assert [m.target for m in collected.moves] == list(network_layout(target))


def test_an_expansion_without_a_source_is_initialised():
    """FBNet-C's last two layers of 24 channels have expansion 1; the candidates expand."""
    plan = seed_to_supernet(seed_network('fbnet_c'), mbconv_space('fbnet_c'))
    fate = {m.target: m for m in plan.moves}
    block = 'stages.1.2.k5e3'  # position 2: after the skip, the seed's last layer with weights
    assert fate[f'{block}.expand.conv.weight'].rule == 'initialise'
    assert fate[f'{block}.depthwise.conv.weight'].rule == 'initialise'
    project = fate[f'{block}.project.conv.weight']
    assert (project.source, project.rule) == ('stages.1.2.project.conv.weight', 'zero pad')
    assert fate['stages.1.1.k3e6.project.conv.weight'].source.startswith('stages.1.1.')
    assert 'stages.1.2.k5e3.expand.conv' in plan.explain() and 'initialise' in plan.explain()


def test_every_channel_of_an_initialised_expansion_learns():
    """Zeros of Eq. 3 on both sides of a channel would never receive a gradient."""
    net = FNASupernet('fbnet_c', out_indices=(1,))
    state = tensors(network_layout(seed_network('fbnet_c')))
    plan = seed_to_supernet(seed_network('fbnet_c'), net.space)
    net.load_state_dict(remap(plan, state, net.state_dict()))
    options = {c.name: 'k3e6' for c in net.space.choices}
    net.select(net.space.architecture(options))
    sum(f.sin().sum() for f in net(torch.randn(2, 3, 32, 32))).backward()
    for part in ('project', 'depthwise'):
        gradient = net.get_submodule(f'stages.1.2.k3e6.{part}.conv').weight.grad
        axis = 1 if part == 'project' else 0
        alive = gradient.abs().amax([d for d in range(4) if d != axis]) > 0
        assert alive.sum() == (144 if part == 'project' else 24)
