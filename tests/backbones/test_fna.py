"""The supernet of FNA++ against plain networks and against Eq. 7."""

import copy
import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.backbones import MIXTURE, AdaptedBackbone, FNASupernet
from mmtransfer.engine.learning import held_still
from mmtransfer.seeds import SEEDS
from mmtransfer.seeds.layout import network_layout
from mmtransfer.space import SpaceError
from mmtransfer.spaces import mbconv_space, seed_architecture
from mmtransfer.spaces.layout import supernet_layout
from tests.backbones.nets import extracted, images, loss, origins, path, stir, supernet

BUILT = sorted(seed for seed in SEEDS if not seed.startswith('resnet101'))  # half a gigabyte each


@pytest.mark.parametrize('seed', BUILT)
@settings(max_examples=3, deadline=None)
@given(
    draw=st.integers(0, 10**6),
    training=st.booleans(),
    with_cp=st.booleans(),
    output_stride=st.sampled_from((8, 16, 32)),
    channels_last=st.booleans(),
)
def test_one_path_is_the_plain_network(seed, draw, training, with_cp, output_stride, channels_last):
    """Features, gradients and running statistics, bit for bit."""
    options = dict(with_cp=with_cp, output_stride=output_stride, channels_last=channels_last)
    net = supernet(seed, **options).train(training)
    architecture = path(net, draw)
    plain = extracted(net, architecture)
    net.select(architecture)
    before = copy.deepcopy(net.state_dict())
    ours, theirs = net(images()), plain(images())
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    loss(ours).backward()
    loss(theirs).backward()
    state, parameters = net.state_dict(), dict(net.named_parameters())
    names = origins(net, architecture)
    assert all(torch.equal(state[names[n]], t) for n, t in plain.state_dict().items())
    assert all(torch.equal(parameters[names[n]].grad, p.grad) for n, p in plain.named_parameters())
    others = set(parameters) - set(names.values())
    assert others and all(parameters[n].grad is None for n in others)
    moved = [n for n, t in net.state_dict().items() if not torch.equal(t, before[n])]
    assert bool(moved) == training and set(moved) <= set(names.values())


def test_the_default_space_is_the_papers():
    net = FNASupernet()
    assert [len(stage) for stage in net.stages] == [1, 4, 4, 4, 4, 4, 1]
    assert list(net.stages[1][0]) == ['k3e3', 'k3e6', 'k5e3', 'k5e6', 'k7e3', 'k7e6']
    assert [len(logits) for logits in net.logits] == [6, 7, 7, 7] * 5 + [6]
    assert net.selection == seed_architecture('mobilenet_v2')
    assert net.space == mbconv_space('mobilenet_v2')
    assert max(logits.abs().max() for logits in net.logits) < 1e-2
    assert [f'logits.{i}' for i in range(21)] == [n for n in net.state_dict() if 'logits' in n]


def test_a_seed_that_the_space_lacks_starts_at_its_nearest():
    net = supernet(kernels=(5,), expansions=(2, 4))
    assert net.selection['stage1.layer0'] == 'k5e4'


@pytest.mark.parametrize('seed', BUILT)
@settings(max_examples=1, deadline=None)
@given(draw=st.integers(0, 10**6), indices=st.sets(st.integers(0, 3), min_size=1).map(sorted))
def test_out_channels_are_those_of_the_features(seed, draw, indices):
    if SEEDS[seed].kind.space == 'mbconv':
        indices = [*indices[:-1], indices[-1] + 3]
    net = supernet(seed, out_indices=indices).eval()
    with torch.no_grad():
        for selection in (path(net, draw), MIXTURE):
            net.select(selection)
            assert net.out_channels == tuple(f.shape[1] for f in net(images((32, 32))))


def mixture_by_hand(net, x):
    """Eq. 7, candidate by candidate; the numbers of a choice follow from the layers in order."""
    numbers = iter(range(len(net.logits)))
    features = []
    x = net.stem(x)
    for index, stage in enumerate(net.stages):
        for layer in stage:
            if index == 0:
                x = layer(x)
                continue
            number = next(numbers)
            e = (net.logits[number] / net.temperature).exp()
            options = net.space.choices[number].options
            x = sum(
                e[i] / e.sum() * (x if option == 'skip' else layer[option](x))
                for i, option in enumerate(options)
            )
        if index in net.out_indices:
            features.append(x)
    return features


@pytest.mark.parametrize('with_cp', [False, True])
@pytest.mark.parametrize('temperature', [1.0, 0.3])
def test_the_mixture_is_equation_7(with_cp, temperature):
    net = supernet(with_cp=with_cp, temperature=temperature).train()
    with torch.no_grad():
        for number, logits in enumerate(net.logits):
            logits.copy_(torch.linspace(-1, 1, len(logits)) * (-1) ** number)
    rival = copy.deepcopy(net)
    net.select(MIXTURE)
    assert net.selection == MIXTURE
    ours, theirs = net(images()), mixture_by_hand(rival, images())
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-11)
    loss(ours).backward()
    loss(theirs).backward()
    for (name, a), b in zip(net.named_parameters(), rival.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-9, atol=1e-9, msg=name)
    for name, tensor in net.named_buffers():
        torch.testing.assert_close(tensor, rival.get_buffer(name), rtol=0, atol=1e-11, msg=name)


EXPANDED = dict(expand_indices=(2,), restrict={'stage2.layer0': ['k3e3', 'k5e3']})


@pytest.mark.parametrize('options', [{}, EXPANDED], ids=['plain', 'expanded'])
def test_recompute_in_a_mixture_changes_nothing(options):
    results = []
    for with_cp in (False, True):
        net = supernet(with_cp=with_cp, **options).train()
        net.select(MIXTURE)
        loss(net(images())).backward()
        results.append(({n: p.grad for n, p in net.named_parameters()}, net.state_dict()))
    (grads, state), (grads2, state2) = results
    assert all(torch.equal(grads[n], grads2[n]) for n in grads)
    assert all(torch.equal(state[n], state2[n]) for n in state)
    counts = [t for n, t in state2.items() if n.endswith('num_batches_tracked')]
    assert all(count == 1 for count in counts)


def test_recompute_with_gradients_of_the_logits_only():
    results = []
    for with_cp in (False, True):
        net = supernet(with_cp=with_cp).train()
        net.select(MIXTURE)
        logits = net.architecture_parameters()
        loss(net(images())).backward(inputs=logits)
        assert all(p.grad is None for n, p in net.named_parameters() if 'logits' not in n)
        net.select(path(net))  # that backward pass has ended too
        results.append(torch.cat([p.grad for p in logits]))
    assert torch.equal(*results) and results[0].abs().min() > 0


@pytest.mark.parametrize('with_cp', [False, True])
def test_an_architecture_step_that_tracks_nothing(with_cp):
    """As the search runs it: weights closed, batch statistics used and not tracked."""
    rival = supernet().train()
    rival.select(MIXTURE)
    loss(rival(images())).backward()
    net = supernet(with_cp=with_cp).train()
    before = copy.deepcopy(net.state_dict())
    net.select(MIXTURE)
    logits = net.architecture_parameters()
    with held_still(net, list(net.stem.parameters()) + list(net.stages.parameters())):
        loss(net(images())).backward()
    assert all(torch.equal(before[n], t) for n, t in net.state_dict().items())
    for ours, theirs in zip(logits, rival.architecture_parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=1e-12)


def test_recompute_stores_the_inputs_of_layers_only():
    restrict, stored = EXPANDED['restrict'], {}
    for with_cp, expand in ((False, ()), (True, ()), (True, (2,))):
        net = supernet(with_cp=with_cp, restrict=restrict, expand_indices=expand).train()
        net.select(MIXTURE)
        sizes = {}

        def pack(t, sizes=sizes):
            sizes[t.data_ptr()] = t.numel()
            return t

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            features = net(images())
        stored[with_cp, expand] = sum(sizes.values())
        del features
    assert stored[True, ()] < 0.5 * stored[False, ()]
    assert stored[True, (2,)] == stored[True, ()]


def test_probabilities():
    net = supernet(temperature=0.5)
    with torch.no_grad():
        net.logits[1].copy_(torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0]))
    p = net.probabilities()
    assert list(p) == [c.name for c in net.space.choices]
    expected = torch.tensor([1.0, 1, 1, 1, torch.e**2], dtype=torch.float64)
    torch.testing.assert_close(p['stage1.layer1'], expected / expected.sum())
    p['stage1.layer1'][0].backward()
    assert net.logits[1].grad.abs().min() > 0
    assert net.architecture_parameters() == list(net.logits)


def test_skipped_layers_change_nothing():
    net = supernet().eval()
    short = {c.name: 'skip' if 'skip' in c.options else c.options[0] for c in net.space.choices}
    net.select(net.space.architecture(short))
    with torch.no_grad():
        before = net(images())
        for stage in net.stages[1:]:
            for layer in stage[1:]:
                for tensor in layer.state_dict().values():
                    tensor.fill_(float('nan') if tensor.is_floating_point() else 0)
        after = net(images())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_state_dict_carries_over():
    net = supernet()
    other = supernet()
    stir(other)
    other.load_state_dict(net.state_dict())
    chosen = path(net)
    for n in (net, other):
        n.eval().select(chosen)
    with torch.no_grad():
        assert torch.equal(net(images())[-1], other(images())[-1])


def test_frozen_stages_and_norm_eval():
    net = supernet(frozen_stages=2, norm_eval=True)
    assert net.train() is net
    assert not any(p.requires_grad for s in net.stages[:2] for p in s.parameters())
    assert all(p.requires_grad for s in net.stages[2:] for p in s.parameters())
    assert all(p.requires_grad for p in net.logits)
    before = copy.deepcopy(net.state_dict())
    net.select(MIXTURE)
    loss(net(images())).backward()
    assert all(torch.equal(before[n], t) for n, t in net.state_dict().items())
    assert net.logits[0].grad.abs().max() > 0


def test_bad_arguments():
    with pytest.raises(ValueError, match='temperature must be positive; received 0'):
        supernet(temperature=0)
    with pytest.raises(SpaceError, match='received .nonsense'):
        FNASupernet(seed='nonsense')
    with pytest.raises(ValueError, match='0 to 6'):
        supernet(out_indices=(1, 9))


def test_min_layers_reaches_the_space():
    net = supernet(min_layers=2)
    for draw in range(5):
        options = net.space.sample(random.Random(draw)).as_dict
        assert options['stage1.layer1'] != 'skip'


@pytest.mark.parametrize('seed', ['mobilenet_v2', 'efficientnet_lite0'])
def test_tensors_are_the_layouts(seed):
    net = FNASupernet(seed, layers=(2, 3, 1, 1, 2, 1), kernels=(3, 5))
    ours = [(n, tuple(t.shape)) for n, t in net.state_dict().items()]
    assert ours == list(supernet_layout(net.space).items())
    plain = AdaptedBackbone(path(net))
    theirs = [(n, tuple(t.shape)) for n, t in plain.state_dict().items()]
    assert theirs == list(network_layout(plain.network).items())


def test_remapped_candidates_start_as_the_seed(tmp_path):
    """From a real checkpoint file; where kernel and width suffice, a path computes what it did."""
    seed = AdaptedBackbone('mobilenet_v2')
    stir(seed)
    torch.save(seed.state_dict(), tmp_path / 'seed.pth')
    remap = dict(type='mmtransfer.Remap', checkpoint=str(tmp_path / 'seed.pth'))
    net = FNASupernet(kernels=(3, 5), expansions=(6,), init_cfg=remap)
    net.init_weights()
    larger = {
        n: o.replace('k3', 'k5') for n, o in seed_architecture('mobilenet_v2').as_dict.items()
    }
    net.select(net.space.architecture(larger))
    net, seed = net.double().eval(), seed.double().eval()
    with torch.no_grad():
        for a, b in zip(net(images((32, 32))), seed(images((32, 32))), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_the_expansion_of_a_first_layer():
    """One path returns the plain network's, the mixture the candidates' weighted sum."""
    net = supernet(out_indices=(2,), **EXPANDED).eval()
    assert net.out_channels == (24 * 3, 32)
    architecture = path(net, 5)
    net.select(architecture)
    plain = extracted(net, architecture)
    for ours, theirs in zip(net(images()), plain(images()), strict=True):
        assert torch.equal(ours, theirs)
    with torch.no_grad():
        net.logits[2].copy_(torch.tensor([0.0, math.log(3.0)], dtype=torch.float64))
    net.select(MIXTURE)
    expanded, feature = net(images())
    candidates, inputs = net.stages[2][0], []
    hook = candidates['k3e3'].expand.register_forward_pre_hook(lambda m, x: inputs.append(x[0]))
    net(images())
    hook.remove()
    by_hand = 0.25 * candidates['k3e3'].expand(inputs[0])
    by_hand = by_hand + 0.75 * candidates['k5e3'].expand(inputs[0])
    torch.testing.assert_close(expanded, by_hand, rtol=0, atol=1e-13)
    mixed = supernet(out_indices=(2,), restrict=EXPANDED['restrict']).eval()
    mixed.load_state_dict(net.state_dict())
    mixed.select(MIXTURE)
    assert torch.equal(mixed(images())[0], feature)


def test_an_expansion_that_varies_cannot_be_returned():
    with pytest.raises(
        SpaceError, match=r'must offer one expansion ratio; received k3e1, .*restrict'
    ):
        supernet(out_indices=(2,), expand_indices=(2,))


def test_an_expansion_that_is_not_there_cannot_be_returned():
    with pytest.raises(SpaceError, match='stage 0 of mobilenet_v2 offers k3e1'):
        supernet(out_indices=(2,), expand_indices=(0,))
