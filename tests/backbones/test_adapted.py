"""AdaptedBackbone: features, freezing, initialisation, bad arguments."""

import logging
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.models import MobileNetV2, ResNet
from mmengine.registry import MODELS as ROOT

import mmtransfer.backbones.base as base
from mmtransfer.backbones import AdaptedBackbone
from mmtransfer.remap.plan import Move, RemapPlan
from mmtransfer.seeds import SEEDS
from mmtransfer.seeds.namings import recognise
from mmtransfer.spaces import space_around
from tests.backbones.nets import images, loss, stir


def norms(module):
    return [m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d)]


@pytest.mark.parametrize('seed', sorted(SEEDS))
@settings(max_examples=2, deadline=None)
@given(
    draw=st.integers(0, 10**6),
    indices=st.sets(st.integers(0, 3), min_size=1).map(sorted),
    size=st.tuples(st.integers(32, 70), st.integers(32, 70)),
    output_stride=st.sampled_from((8, 16, 32)),
)
def test_out_channels_are_those_of_the_features(seed, draw, indices, size, output_stride):
    deep = SEEDS[seed].kind.space == 'mbconv'
    if deep:
        indices = [*indices[:-1], indices[-1] + 3]
    space = space_around(seed, **({'layers': (2, 3, 2, 2, 2, 1)} if deep else {}))
    net = AdaptedBackbone(
        space.sample(random.Random(draw)), out_indices=indices, output_stride=output_stride
    ).eval()
    with torch.no_grad():
        features = net(torch.randn(1, 3, *size))
    assert net.out_channels == tuple(f.shape[1] for f in features)
    table = (2, 4, 8, 16, 16, 32, 32) if deep else (4, 8, 16, 32)
    strides = [min(table[i], output_stride) for i in indices]
    assert [f.shape[2:] for f in features] == [
        (-(-size[0] // s), -(-size[1] // s)) for s in strides
    ]


def test_the_seed_by_name():
    net = AdaptedBackbone('mobilenet_v2')
    assert net.out_channels == (24, 32, 96, 320)
    assert AdaptedBackbone('resnet18').out_channels == (64, 128, 256, 512)
    assert [len(stage) for stage in net.stages] == [1, 2, 3, 4, 3, 3, 1]
    assert sum(p.numel() for p in net.parameters()) == 1_811_712


@pytest.mark.parametrize('scope', ['mmtransfer', 'mmdet'])
def test_it_is_built_from_a_config(scope):
    config = dict(type='mmtransfer.AdaptedBackbone', architecture='efficientnet_lite0')
    with ROOT.switch_scope_and_registry(scope) as registry:
        net = registry.build(config)
    assert net.out_channels == (24, 40, 112, 320)


@pytest.mark.parametrize(('seed', 'eps', 'momentum'), [('mobilenet_v2', 1e-5, 0.1)])
def test_norms_are_the_seeds(seed, eps, momentum):
    assert {(n.eps, n.momentum) for n in norms(AdaptedBackbone(seed))} == {(eps, momentum)}
    lite = AdaptedBackbone('efficientnet_lite0', norm_cfg=dict(type='BN', momentum=0.5))
    assert {(n.eps, n.momentum) for n in norms(lite)} == {(1e-3, 0.5)}


def test_frozen_stages():
    net = AdaptedBackbone('mobilenet_v2', frozen_stages=2)
    assert net.train() is net
    frozen = [net.stem, net.stages[0], net.stages[1]]
    assert not any(n.training for part in frozen for n in norms(part))
    assert not any(p.requires_grad for part in frozen for p in part.parameters())
    assert all(n.training for stage in net.stages[2:] for n in norms(stage))
    assert all(p.requires_grad for stage in net.stages[2:] for p in stage.parameters())
    stem_only = AdaptedBackbone('mobilenet_v2', frozen_stages=0)
    learning = [p.requires_grad for p in stem_only.parameters()]
    assert learning == [False] * 3 + [True] * (len(learning) - 3)


def test_norm_eval():
    net = AdaptedBackbone('mobilenet_v2', norm_eval=True).train()
    assert net.training and not any(n.training for n in norms(net))
    assert all(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize('expand', [(), (3,)])
def test_recompute_gives_the_same_step(expand):
    results = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        options = dict(with_cp=with_cp, expand_indices=expand)
        net = AdaptedBackbone('efficientnet_lite0', **options).double().train()
        loss(net(images())).backward()
        results.append(({n: p.grad for n, p in net.named_parameters()}, net.state_dict()))
    (grads, state), (grads2, state2) = results
    assert all(torch.equal(grads[n], grads2[n]) for n in grads)
    assert all(torch.equal(state[n], state2[n]) for n in state)
    assert state2['stages.3.1.project.bn.num_batches_tracked'] == 1


@pytest.mark.parametrize('seed', ['efficientnet_lite0', 'resnet18'])
def test_channels_last_changes_the_layout_and_no_value(seed):
    net = AdaptedBackbone(seed).double().eval()
    laid_out = AdaptedBackbone(seed, channels_last=True).double().eval()
    laid_out.load_state_dict(net.state_dict())
    for a, b in zip(net(images((33, 70))), laid_out(images((33, 70))), strict=True):
        assert a.is_contiguous() and b.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.fixture
def seed_loader(monkeypatch):
    """A stand-in for the remap, which notes its arguments and fills the network with sevens."""
    calls = []

    def load_seed(net, **arguments):
        calls.append(arguments)
        for p in net.parameters():
            p.data.fill_(7.0)
        return RemapPlan((Move('a', (1,)),), ('b',))

    monkeypatch.setattr(base, 'load_seed', load_seed)
    return calls


def test_remap_follows_the_initialisation_of_the_children(seed_loader, monkeypatch):
    said = []
    monkeypatch.setattr(base, 'print_log', lambda text, logger, *level: said.append((text, *level)))
    remap = dict(type='mmtransfer.Remap', checkpoint='seed.pth')
    net = AdaptedBackbone('mobilenet_v2', init_cfg=[dict(type='Kaiming', layer='Conv2d'), remap])
    assert seed_loader == []
    net.init_weights()
    assert seed_loader == [dict(checkpoint='seed.pth')]
    assert all((p == 7).all() for p in net.parameters())
    with torch.no_grad():
        net.stem.conv.weight.zero_()
    net.init_weights()
    assert len(seed_loader) == 1 and (net.stem.conv.weight == 0).all()
    (summary,), (plan, level) = said
    assert summary == (
        'remap: the backbone from seed.pth\n1 target tensors: 1 initialise.\n'
        '1 unused source tensors: b.'
    )
    assert plan.startswith('target') and level == logging.DEBUG


def test_without_remap_nothing_is_loaded(seed_loader):
    net = AdaptedBackbone('mobilenet_v2', init_cfg=dict(type='Constant', layer='Conv2d', val=0.5))
    net.init_weights()
    assert seed_loader == []
    assert (net.stages[3][1].expand.conv.weight == 0.5).all()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(out_indices=(1, 7)), '0 to 6'),
        (dict(out_indices=(2, 1)), 'ascending'),
        (dict(out_indices=()), 'one or more'),
        (dict(frozen_stages=8), 'between -1'),
        (dict(norm_cfg=dict(type='GN', num_groups=8)), 'batch norm'),
        (dict(init_cfg=dict(type='mmtransfer.Remap')), 'checkpoint'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        AdaptedBackbone('mobilenet_v2', **arguments)


@pytest.mark.parametrize('name', ['resnet18', 'resnet50'])
def test_our_resnet_is_mmdets(name):
    """The same weights give the same features, bit for bit."""
    depth = int(name.removeprefix('resnet'))
    torch.manual_seed(0)
    stock = ResNet(depth, norm_eval=False, style='pytorch').double()
    stir(stock)
    ours = AdaptedBackbone(name, out_indices=(0, 1, 2, 3)).double()
    theirs = {n: tuple(t.shape) for n, t in stock.state_dict().items()}
    _, names = recognise(theirs, ours.network)
    ours.load_state_dict({n: stock.state_dict()[names[n]] for n in ours.state_dict()})
    for training in (False, True):
        stock.train(training), ours.train(training)
        for a, b in zip(ours(images((65, 70))), stock(images((65, 70))), strict=True):
            assert torch.equal(a, b)


def test_our_mobilenet_v2_is_mmdets():
    torch.manual_seed(0)
    stock = MobileNetV2(out_indices=(0, 1, 2, 3, 4, 5, 6)).double()
    stir(stock)
    ours = AdaptedBackbone('mobilenet_v2', out_indices=range(7)).double()
    theirs = {n: tuple(t.shape) for n, t in stock.state_dict().items()}
    _, names = recognise(theirs, ours.network)
    ours.load_state_dict({n: stock.state_dict()[names[n]] for n in ours.state_dict()})
    stock.eval(), ours.eval()
    for a, b in zip(ours(images((65, 70))), stock(images((65, 70))), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ('output_stride', 'dilations'), [(16, (1, 1, 1, 1, 1, 2, 2)), (8, (1, 1, 1, 2, 2, 4, 4))]
)
def test_strides_become_dilations(output_stride, dilations):
    net = AdaptedBackbone('mobilenet_v2', output_stride=output_stride)
    for stage, dilation in zip(net.stages, dilations, strict=True):
        for block in stage:
            assert block.depthwise.conv.dilation == (dilation, dilation)
            assert block.depthwise.conv.padding == (dilation, dilation)
    with pytest.raises(ValueError, match='output_stride must be one of 8, 16, 32; received 4'):
        AdaptedBackbone('mobilenet_v2', output_stride=4)


def test_the_expansion_of_a_first_block_is_returned_first():
    net = AdaptedBackbone('mobilenet_v2', out_indices=(6,), expand_indices=(5,)).eval()
    x = torch.randn(1, 3, 64, 64)
    expanded, last = net(x)
    assert net.out_channels == (576, 320) == (expanded.shape[1], last.shape[1])
    assert expanded.shape[2:] == (4, 4) and last.shape[2:] == (2, 2)
    plain = AdaptedBackbone('mobilenet_v2', out_indices=(4, 6)).eval()
    plain.load_state_dict(net.state_dict())
    fourth, sixth = plain(x)
    assert torch.equal(sixth, last)
    assert torch.equal(net.stages[5][0].expand(fourth), expanded)
    with pytest.raises(ValueError, match='expand_indices must be stages from 0 to 3'):
        AdaptedBackbone('resnet18', out_indices=(3,), expand_indices=(1,))
