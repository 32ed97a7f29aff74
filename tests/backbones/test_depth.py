"""The supernet of block allocations against the plain networks in it."""

import copy
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mmtransfer.backbones import MIXTURE, AdaptedBackbone, DepthSupernet, SelectionError
from mmtransfer.remap import (
    load_model,
    load_seed,
    network_to_network,
    remap,
    seed_to_supernet,
    supernet_to_network,
)
from mmtransfer.seeds import seed_network
from mmtransfer.seeds.layout import network_layout
from mmtransfer.space import SpaceError
from mmtransfer.spaces import allocation, network
from mmtransfer.spaces.layout import supernet_layout
from tests.backbones.nets import images, loss, stir

MOST = {'resnet18': [3, 2, 4, 3], 'resnet50': [2, 2, 3, 2], 'mobilenet_v2': [3, 2, 3, 2, 2]}


def supernet(seed, **kwargs):
    torch.manual_seed(0)
    net = DepthSupernet(seed, MOST[seed], **kwargs).double()
    stir(net)
    return net


@pytest.mark.parametrize('seed', sorted(MOST))
@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans(), st.sampled_from((8, 32)), st.booleans())
def test_a_child_built_alone_is_the_supernet_with_its_selection(
    seed, number, training, with_cp, output_stride, channels_last
):
    """Features, gradients and running statistics, bit for bit."""
    options = dict(output_stride=output_stride, channels_last=channels_last)
    net = supernet(seed, with_cp=with_cp, **options).train(training)
    a = net.space.sample(random.Random(number))
    child = AdaptedBackbone(a, **options).double().train(training)
    plan = supernet_to_network(net.space, network(a))
    assert {m.rule for m in plan.moves} == {'copy'}
    child.load_state_dict(remap(plan, net.state_dict(), child.state_dict()))
    net.select(a)
    ours, theirs = net(images()), child(images())
    assert all(torch.equal(x, y) for x, y in zip(ours, theirs, strict=True))
    loss(ours).backward()
    loss(theirs).backward()
    grads = {n: p.grad for n, p in net.named_parameters()}
    assert all(torch.equal(grads[n], p.grad) for n, p in child.named_parameters())
    mine = dict(child.named_parameters())
    assert all(g is None for n, g in grads.items() if n not in mine)
    state = net.state_dict()
    assert all(torch.equal(state[n], t) for n, t in child.state_dict().items())


def test_everything_kept_is_the_plain_deep_network():
    net = supernet('resnet18').eval()
    whole = AdaptedBackbone('resnet18', blocks=MOST['resnet18']).double().eval()
    assert list(whole.state_dict()) == list(net.state_dict())
    whole.load_state_dict(net.state_dict())
    net.select(net.space.architecture([c.options[-1] for c in net.space.choices]))
    for x, y in zip(net(images()), whole(images()), strict=True):
        assert torch.equal(x, y)


@pytest.mark.parametrize('seed', sorted(MOST))
def test_the_layout_is_that_of_the_module(seed):
    net = supernet(seed)
    shapes = {n: tuple(t.shape) for n, t in net.state_dict().items()}
    assert list(shapes.items()) == list(supernet_layout(net.space).items())


def test_an_ordinary_checkpoint_fills_a_deeper_supernet():
    """Eq. 1 of FNA++: new blocks are copies of the last one of their stage."""
    net = DepthSupernet('resnet18', [4, 2, 2, 2])
    layout = network_layout(seed_network('resnet18'))
    state = {n: torch.randn(shape) if shape else torch.tensor(3) for n, shape in layout.items()}
    plan = seed_to_supernet(seed_network('resnet18'), net.space)
    result = remap(plan, state, net.state_dict())
    assert {m.rule for m in plan.moves} == {'copy'} and plan.unused == ()
    for block, origin in ((0, 0), (1, 1), (2, 1), (3, 1)):
        name = 'stages.0.{}.conv1.conv.weight'.format
        assert torch.equal(result[name(block)], state[name(origin)])


def test_a_child_from_another_child():
    plan = network_to_network(
        network(allocation('resnet50', [1, 3, 7, 5])), network(allocation('resnet50', [2, 3, 6, 5]))
    )
    origin = {m.target: m.source for m in plan.moves}
    assert origin['stages.0.1.conv3.conv.weight'] == 'stages.0.0.conv3.conv.weight'


def test_only_allocations_can_be_selected():
    net = supernet('resnet18')
    assert net.selection.as_dict == {f'stage{s}.blocks': '2' for s in range(4)}
    assert net.architecture_parameters() == []
    with pytest.raises(SelectionError, match='must be an Architecture of the space; received'):
        net.select(MIXTURE)
    with pytest.raises(SpaceError):
        net.select(allocation('resnet18', [1, 1, 1, 1]))
    features = net(images())
    with pytest.raises(SelectionError, match='outstanding'):
        net.select(net.space.architecture(['1'] * 4))
    loss(features).backward()
    net.select(net.space.architecture(['1'] * 4))
    assert [net.kept(s) for s in range(4)] == [1, 1, 1, 1]


def test_a_child_by_config():
    net = AdaptedBackbone('resnet50', blocks=[1, 3, 7, 5])
    assert [len(stage) for stage in net.stages] == [1, 3, 7, 5]
    assert net.out_channels == (256, 512, 1024, 2048)
    deep = AdaptedBackbone('resnet50', blocks=[1, 3, 7, 5], max_blocks=[8, 10, 36, 14])
    assert deep.architecture.rule['max_blocks'] == [8, 10, 36, 14]


def test_blocks_without_a_seed_and_without_their_supernet_are_refused():
    with pytest.raises(ValueError, match='blocks go with the name of a seed.*x.json'):
        AdaptedBackbone('x.json', blocks=[1, 1])
    with pytest.raises(ValueError, match="blocks go with the name of a seed.*{'space'"):
        AdaptedBackbone({'space': 'depth'}, blocks=[1, 1])
    with pytest.raises(SpaceError, match=r'max_blocks must give.*received \[8\]'):
        DepthSupernet('resnet50', max_blocks=8)
    with pytest.raises(ValueError, match='received .3, 4. without blocks'):
        AdaptedBackbone('resnet18', max_blocks=[3, 4])
    with pytest.raises(SpaceError, match='at least 1 for each of the 4 stages'):
        AdaptedBackbone('resnet18', blocks=5)


def mixture_by_hand(net, x):
    """Per stage the sum over S of the softmax at S times what the first S blocks return."""
    features, number = [], 0
    x = net.begin(x)
    for stage, blocks in enumerate(net.stages):
        if net._choices[stage]:
            p = torch.softmax(net.logits[number], 0)
            number += 1
        else:
            p = torch.ones(1, dtype=torch.float64)
        outputs = [x]
        for block in blocks:
            outputs.append(block(outputs[-1]))
        x = sum(p[i] * y for i, y in enumerate(outputs[1:]))
        if stage in net.out_indices:
            features.append(x)
    return features


@pytest.mark.parametrize('with_cp', [False, True])
@pytest.mark.parametrize('seed', sorted(MOST))
def test_the_mixture_is_the_mean_over_the_numbers_of_blocks(seed, with_cp):
    net = supernet(seed, differentiable=True, with_cp=with_cp).train()
    with torch.no_grad():
        for number, logits in enumerate(net.logits):
            logits.copy_(torch.linspace(-1, 1, len(logits)) * (-1) ** number)
    rival = copy.deepcopy(net)
    net.select(MIXTURE)
    ours, theirs = net(images()), mixture_by_hand(rival, images())
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)
    loss(ours).backward()
    loss(theirs).backward()
    for a, b in zip(net.parameters(), rival.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-7, atol=1e-7)
    assert all(g.grad.abs().sum() > 0 for g in net.logits)


def test_certain_logits_are_a_selection():
    net = supernet('resnet18', differentiable=True).eval()
    a = net.space.architecture(['3', '1', '4', '2'])
    with torch.no_grad():
        for choice, logits in zip(net.space.choices, net.logits, strict=True):
            logits.fill_(-1000.0)
            logits[choice.options.index(a[choice.name])] = 1000.0
        net.select(MIXTURE)
        mixed = net(images())
        net.select(a)
        assert all(torch.equal(x, y) for x, y in zip(mixed, net(images()), strict=True))


def test_logits_begin_as_they_are_whatever_is_loaded(tmp_path):
    """From the seed, and from another training of the supernet, with logits or without."""
    seed = AdaptedBackbone('resnet18')
    torch.save(seed.state_dict(), tmp_path / 'seed.pth')
    net = DepthSupernet('resnet18', MOST['resnet18'], differentiable=True)
    own = [logits.clone() for logits in net.logits]
    load_seed(net, tmp_path / 'seed.pth')
    assert all(torch.equal(a, b) for a, b in zip(own, net.logits, strict=True))
    assert torch.equal(net.stages[0][2].conv1.conv.weight, seed.stages[0][1].conv1.conv.weight)
    for differentiable in (False, True):
        other = DepthSupernet('resnet18', MOST['resnet18'], differentiable=differentiable)
        model, target = nn.Module(), nn.Module()
        model.backbone, target.backbone = other, net
        torch.save({'state_dict': model.state_dict()}, tmp_path / 'other.pth')
        load_model(target, tmp_path / 'other.pth')
        assert torch.equal(net.stem.conv.weight, other.stem.conv.weight)
        assert all(torch.equal(a, b) for a, b in zip(own, net.logits, strict=True))
