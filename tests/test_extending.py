"""What a stranger adds from outside of the package, each in one place."""

import copy
from dataclasses import dataclass
from math import prod
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner
from torch import nn

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.backbones import AdaptedBackbone, DepthSupernet
from mmtransfer.blocks import Style, build_block
from mmtransfer.cost import METRICS, Metric, cost_table
from mmtransfer.cost.counter import count_backbone
from mmtransfer.cost.formulas import node_madds, node_params, strided
from mmtransfer.registry import REGULARISERS, SEARCHERS
from mmtransfer.remap import load_seed, network_to_network, remap
from mmtransfer.report.drawing import draw
from mmtransfer.search import Regulariser, Searcher, derive, derive_from_checkpoint, joint_step
from mmtransfer.search.derive import plain_probabilities
from mmtransfer.seeds import (
    BLOCK_KINDS,
    SEEDS,
    STEM,
    BlockKind,
    Network,
    Node,
    Op,
    Seed,
    Stage,
    kinds,
    published,
    register_block,
    register_seed,
)
from mmtransfer.seeds.layout import network_layout
from mmtransfer.seeds.mbconv import MBConv
from mmtransfer.seeds.names import NAMINGS
from mmtransfer.seeds.networks import stem_convs
from mmtransfer.space import SpaceError
from mmtransfer.spaces import mbconv_space, seed_architecture, space_of
from tests.backbones.nets import stir
from tests.engine.joint import joint_config
from tests.engine.tiny import search_config, train_config

ROOT = Path(__file__).resolve().parents[1]


def elements(convs, size):
    """What convolutions give, in numbers: the activations that training keeps."""
    return sum(c.out_channels * prod(strided(size, c.reduction)) for c in convs)


ACTIVATIONS = Metric(
    key='activations',
    suffix='MA',
    scale=1e6,
    text='{:,.0f} activations',
    node=lambda node, size: elements(node.convs, size),
    fixed=lambda seed, size: elements(stem_convs(seed), size),
    module=lambda module, output: output.numel() if isinstance(module, nn.Conv2d) else 0,
)


@pytest.fixture
def activations(monkeypatch):
    """The metric, known by its name."""
    monkeypatch.setitem(METRICS, 'activations', ACTIVATIONS)


def test_a_cost_metric_from_outside(activations, tmp_path, monkeypatch):
    """A search has a target in it, logs it, and notes it in what it finds."""
    compat.apply()
    config = search_config(tmp_path, epochs=2, metric='activations')
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    space = mbconv_space('mobilenet_v2', (2, 1, 1, 1, 1, 1), (3, 5), (3,))
    table = cost_table(space, (32, 32), 'activations')
    target = table.bounds()[0]
    config.train_cfg.searcher.target = config.train_cfg.regularisers[0].target = target
    runner = Runner.from_cfg(config)
    said = []
    monkeypatch.setattr(runner.logger, 'info', said.append)
    runner.train()
    found = Architecture.read(tmp_path / 'architecture.json')
    assert list(found.cost) == ['madds', 'params', 'activations']
    assert found.cost['activations'] == table.of(found) == target
    scalars = {k: h.current() for k, h in runner.message_hub.log_scalars.items()}
    assert scalars['train/derived_cost_MA'] == target / 1e6
    assert any(f'backbone costs {target:,} activations: ' in text for text in said)


def test_a_cost_metric_from_outside_is_counted_on_models(activations, monkeypatch):
    """By the counter that watches one run, and so by the tool."""
    seed, size = seed_architecture('mobilenet_v2'), (64, 64)
    expected = cost_table(mbconv_space('mobilenet_v2'), size, 'activations').of(seed)
    assert count_backbone(AdaptedBackbone(seed), size)['activations']['total'] == expected
    from mmtransfer.tools import get_cost

    config = str(ROOT / 'configs/fna/retinanet_mbv2_seed.py')
    counts = get_cost.get_cost(get_cost.parse_args([config, '--shape', '64', '64']))
    header, backbone, *_, total = get_cost.table(counts).splitlines()
    assert header.split() == ['params', 'madds', 'activations']
    assert backbone.split()[-1] == f'{expected:,}'
    assert total.split()[-1] == f'{counts["activations"]["total"]:,}' != backbone.split()[-1]


def test_a_metric_is_counted_or_has_a_table():
    with pytest.raises(ValueError, match="node and fixed, or else table; 'x' has node=None"):
        Metric('x', 'x', 1.0, '{} x')


@dataclass(frozen=True)
class Average(Op):
    """An average pooling: an op without weights."""

    kernel: int

    @property
    def text(self) -> str:
        return f'avg{self.kernel}'


@build_block.register
def _average(op: Average, node: Node, style: Style) -> nn.Module:
    return nn.AvgPool2d(op.kernel, node.stride, op.kernel // 2, count_include_pad=False)


def averages_too(text: str) -> Op:
    """The op of a text: MBConvs, and averages such as ``'avg3'``."""
    return Average(int(text[3:])) if text.startswith('avg') else MBConv.read(text)


POOLED = Seed(
    name='pooled',
    stem_channels=8,
    stages=(
        Stage(8, 1, ('k3e1',)),
        Stage(16, 2, ('k3e3', 'avg3')),
        Stage(24, 2, ('k5e3', 'avg3', 'avg5', 'k3e2')),
    ),
    block='mbconv_or_average',
    head_channels=0,
    num_classes=10,
)


def renamed(network: Network) -> dict[str, str]:
    """A naming of checkpoints: our name -> theirs."""
    return {name: name.replace('stages.', 'level') for name in network_layout(network)}


@pytest.fixture
def pooled(monkeypatch):
    """The op, its kind of block and the seed, known by their names; with a naming of its own."""
    monkeypatch.setattr(kinds, 'BLOCK_KINDS', dict(BLOCK_KINDS))
    monkeypatch.setattr(published, 'BLOCK_KINDS', kinds.BLOCK_KINDS)
    register_block('mbconv_or_average', BlockKind('MBConv or average', averages_too))
    monkeypatch.setitem(NAMINGS, 'mbconv_or_average', {'levels': renamed})
    register_seed(POOLED)
    yield POOLED
    del SEEDS['pooled']


@pytest.mark.parametrize('stride', [8, 32])
def test_an_op_from_outside(pooled, stride, tmp_path):
    """From the architecture to the picture, in a seed from outside."""
    seed = seed_architecture('pooled')
    found = Architecture.from_json(seed.to_json())
    assert found == seed and seed.as_dict == {'stage1.blocks': '2', 'stage2.blocks': '4'}
    net = AdaptedBackbone(found, out_indices=(1, 2), output_stride=stride)
    stir(net)
    shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    assert shapes == network_layout(net.network)
    assert not any(name.startswith('stages.2.1.') for name in shapes)

    images = torch.randn(1, 3, 33, 47)
    features = net.eval()(images)
    sizes = net.network.sizes((33, 47))
    for f, stage, channels in zip(features, (1, 2), (16, 24), strict=True):
        assert f.shape == (1, channels, *sizes[net.network.output(stage)])
    assert [f.shape[1] for f in features] == list(net.out_channels)

    counts = count_backbone(net, (33, 47))
    for metric in ('madds', 'params'):
        table = cost_table(space_of(found), (33, 47), metric, output_stride=stride)
        assert table.of(found) == counts[metric]['total']
        shorter = space_of(found).architecture(['1', '3'])
        cut = AdaptedBackbone(shorter, out_indices=(1, 2), output_stride=stride)
        assert table.of(shorter) == count_backbone(cut, (33, 47))[metric]['total']
    average = net.network.stages[2][1]
    assert node_madds(average, (8, 8)) == node_params(average) == 0

    theirs = {name.replace('stages.', 'level'): t for name, t in net.state_dict().items()}
    torch.save(theirs, tmp_path / 'theirs.pth')
    again = AdaptedBackbone('pooled', out_indices=(1, 2), output_stride=stride).eval()
    plan = load_seed(again, tmp_path / 'theirs.pth')
    assert all(move.source is not None for move in plan.moves) and not plan.unused
    assert all(torch.equal(x, y) for x, y in zip(features, again(images), strict=True))
    same = network_to_network(net.network, net.network)
    back = remap(same, net.state_dict(), AdaptedBackbone('pooled').state_dict())
    assert all(torch.equal(back[name], tensor) for name, tensor in net.state_dict().items())

    supernet = DepthSupernet('pooled', out_indices=(1, 2), output_stride=stride).eval()
    supernet.load_state_dict(net.state_dict())
    supernet.select(shorter)
    cut.load_state_dict({name: supernet.state_dict()[name] for name in cut.state_dict()})
    for x, y in zip(supernet(images), cut.eval()(images), strict=True):
        assert torch.equal(x, y)

    written = [text.get_text() for text in draw([found]).axes[0].texts]
    assert [t for t in written if t[:3] == 'AVG' or t[:1] == 'K'] == [
        *('K3', 'K3E1', 'K3E3', 'AVG3', 'K5E3', 'AVG3', 'AVG5', 'K3E2')
    ]
    assert 'MBConv or average blocks' in written


def test_a_name_that_is_taken_is_refused(pooled):
    with pytest.raises(SpaceError, match="a name of its own; received 'pooled', which is taken"):
        register_seed(POOLED)
    with pytest.raises(SpaceError, match="name of its own; received 'basic', which is taken"):
        register_block('basic', BlockKind('basic', averages_too))


def test_a_seed_of_unknown_blocks_or_ops_is_refused():
    with pytest.raises(SpaceError, match="one of mbconv, .*; x has 'dense'.*register_block"):
        register_seed(Seed('x', 8, (), block='dense'))
    with pytest.raises(SpaceError, match="must read like 'k5e3'.*received 'k3g1'"):
        register_seed(Seed('x', 8, (Stage(8, 1, ('k3g1',)),)))
    assert 'x' not in SEEDS


def test_an_op_without_a_module_is_named():
    class Nothing(Op):
        text = 'nothing'

    node = Node('stages.0.0', Nothing(), (STEM,), 8, 8, 1, 1, 0, 0, 0)
    with pytest.raises(TypeError, match='Nothing of stages.0.0 has none.*build_block.register'):
        build_block(node.op, node, Style(norm_cfg=dict(type='BN'), act_cfg=dict(type='ReLU')))


class Leaning(Searcher):
    """Weights and logits learn together; the options of the highest logits win."""

    kinds = ('joint',)
    holds_out = False

    def __init__(self, supernet, table, seed):
        self.supernet, self.seed, self.steps_taken = supernet, seed, 0

    def steps(self, iteration, per_epoch):
        yield joint_step(iteration)

    def stepped(self, plan, probabilities):
        self.steps_taken += 1

    def architecture(self):
        if self.steps_taken == 0:
            return None
        return derive(self.supernet.space, plain_probabilities(self.supernet))

    def state(self):
        return {'steps': self.steps_taken}

    def restore(self, state, iteration, per_epoch):
        self.steps_taken = state['steps']


class Smooth(Regulariser):
    """Pulls the output of one node towards what the backbone was given, in the mean."""

    name, acts_in, records = 'smooth', ('weights', 'joint'), ('input', 'stages.1.0')

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, step):
        node, images = step.records['stages.1.0'], step.records['input']
        return self.factor * (node.mean() - images.mean()).square()


def test_a_searcher_with_joint_steps_from_outside(tmp_path, monkeypatch):
    """It trains with the optimiser of a stock config, writes its result, and its checkpoint says
    the same."""
    compat.apply()
    monkeypatch.setitem(SEARCHERS.module_dict, 'Leaning', Leaning)
    config = joint_config(tmp_path, epochs=1, searcher=dict(type='Leaning'))
    runner = Runner.from_cfg(copy.deepcopy(config))
    runner.train()
    found = Architecture.read(tmp_path / 'architecture.json')
    assert found == runner.train_loop.searcher.architecture()
    assert found == derive_from_checkpoint(config, tmp_path)
    assert runner.train_loop.searcher.state() == {'steps': 4}


@pytest.mark.parametrize('training', [train_config, joint_config])
def test_a_regulariser_that_reads_node_outputs_from_outside(tmp_path, monkeypatch, training):
    """In an ordinary training and in a search, by the same lines."""
    compat.apply()
    monkeypatch.setitem(REGULARISERS.module_dict, 'Smooth', Smooth)
    config = training(tmp_path, epochs=1, regularisers=[dict(type='Smooth', factor=0.5)])
    config.optim_wrapper.type = 'OptimWrapper'
    runner = Runner.from_cfg(config)
    runner.train()
    values = runner.message_hub.log_scalars['train/smooth']._log_history
    assert len(values) == len(runner.train_loop.dataloader) and min(values) > 0
