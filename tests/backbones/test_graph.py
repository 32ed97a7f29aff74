"""Networks that are no chains, run by the plain backbone."""

import copy
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from mmtransfer.backbones import AdaptedBackbone, adapted
from mmtransfer.backbones.graph import last_readers
from mmtransfer.blocks import Style, build_block
from mmtransfer.cost.counter import count_backbone
from mmtransfer.cost.formulas import node_madds, node_params, stem_madds, stem_params
from mmtransfer.remap import remap
from mmtransfer.remap.networks import same_network
from mmtransfer.report.drawing import _rows, draw
from mmtransfer.seeds import STEM, Network, Node, Op, find_seed
from mmtransfer.seeds.layout import network_layout
from mmtransfer.seeds.mbconv import MBConv
from mmtransfer.spaces import network, seed_architecture
from tests.backbones.nets import images, loss, stir

SEED = find_seed('mobilenet_v2')
PLAIN = MBConv(3, 2)


@dataclass(frozen=True)
class Blend(Op):
    """Its inputs, each times a number that is learned."""

    inputs: int
    joins = True

    @property
    def text(self) -> str:
        return f'blend{self.inputs}'

    def parameters(self, in_channels: int, out_channels: int) -> dict[str, tuple[int, ...]]:
        return {f'alpha{i}': () for i in range(self.inputs)}


class Blended(nn.Module):
    """The module of a blend."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        for i in range(inputs):
            self.register_parameter(f'alpha{i}', nn.Parameter(torch.tensor(0.5 + i)))

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return sum(x * alpha for x, alpha in zip(inputs, self.parameters(), strict=True))


@build_block.register
def _blend(op: Blend, node: Node, style: Style) -> nn.Module:
    return Blended(op.inputs)


def node(name: str, stage: int, reads: str, channels: str, op: Op = PLAIN, stride: int = 1):
    before, after = map(int, channels.split())
    position = int(name.split('.')[2]) if name.startswith('stages') else 0
    inputs = tuple(reads.split())
    return Node(name, op, inputs, before, after, stride, 1, stage, position, position)


# Stage 0 has a sum of two, stage 1 a gap in its names, a node that nobody reads and a join that
# lies elsewhere, stage 2 has no node.
GRAPH = Network(
    SEED,
    (
        node('stages.0.0', 0, STEM, '32 16', MBConv(3, 1)),
        node('stages.0.1', 0, 'stages.0.0', '16 16'),
        node('stages.0.2', 0, 'stages.0.0 stages.0.1', '16 16'),
        node('stages.1.0', 1, 'stages.0.2', '16 24', stride=2),
        node('stages.1.2', 1, 'stages.1.0', '24 24'),
        node('stages.1.3', 1, 'stages.1.0', '24 24'),
        node('joins.1', 1, 'stages.1.2 stages.1.0', '24 24', Blend(2)),
        node('stages.3.0', 3, 'joins.1', '24 64', MBConv(5, 3), stride=2),
    ),
)


@pytest.fixture
def build(monkeypatch):
    """Makes the plain backbone of a network."""

    def build(net: Network = GRAPH, **kwargs) -> AdaptedBackbone:
        monkeypatch.setattr(adapted, 'network', lambda architecture, output_stride: net)
        torch.manual_seed(0)
        backbone = AdaptedBackbone('mobilenet_v2', **kwargs).double()
        stir(backbone)
        return backbone

    return build


def by_hand(net: AdaptedBackbone, x: torch.Tensor) -> list[torch.Tensor]:
    """The features of stages 0 to 3."""
    s0, s1, s3 = net.stages[0], net.stages[1], net.stages[3]
    first = s0[0](net.begin(x))
    second = s0[2](first + s0[1](first))
    third = s1['0'](second)
    alpha = net.joins['1']
    joined = alpha.alpha0 * s1['2'](third) + alpha.alpha1 * third
    return [second, joined, joined, s3[0](joined)]


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('with_cp', [False, True])
def test_a_graph_computes_what_its_nodes_say(build, training, with_cp):
    net = build(out_indices=(0, 1, 2, 3), with_cp=with_cp).train(training)
    twin = copy.deepcopy(net)
    features, expected = net(images()), by_hand(twin, images())
    assert all(torch.equal(x, y) for x, y in zip(features, expected, strict=True))
    assert [x.shape[1] for x in features] == list(net.out_channels) == [16, 24, 24, 64]
    loss(features).backward()
    loss(expected).backward()
    for (name, ours), theirs in zip(net.named_parameters(), twin.parameters(), strict=True):
        dead = name.startswith('stages.1.3.')
        assert (ours.grad is None) == (theirs.grad is None) == dead, name
        assert dead or torch.equal(ours.grad, theirs.grad)


def test_names_shapes_sizes_and_costs_follow_from_the_nodes(build):
    net = build(out_indices=(3,))
    shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    assert shapes == network_layout(GRAPH) and shapes['joins.1.alpha1'] == ()
    sizes = GRAPH.sizes((33, 47))
    assert sizes['joins.1'] == (9, 12) and sizes[STEM] == (17, 24)
    assert tuple(net(images((33, 47)))[0].shape[2:]) == sizes['stages.3.0'] == (5, 6)
    assert [GRAPH.output(i) for i in range(4)] == ['stages.0.2', 'joins.1', 'joins.1', 'stages.3.0']
    counts = count_backbone(net.float(), (33, 47))
    run = [n for n in GRAPH.nodes if n.name != 'stages.1.3']
    madds = stem_madds(SEED, (33, 47)) + sum(node_madds(n, sizes[n.inputs[0]]) for n in run)
    assert counts['madds']['total'] == madds
    params = stem_params(SEED) + sum(map(node_params, GRAPH.nodes))
    assert counts['params']['total'] == params == sum(p.numel() for p in net.parameters())


def test_a_remap_of_a_graph_to_itself_is_the_identity(build):
    net, other = build(), build()
    result = remap(same_network(GRAPH, GRAPH), net.state_dict(), other.state_dict())
    assert all(torch.equal(result[name], tensor) for name, tensor in net.state_dict().items())


def test_expansions_and_frozen_stages_of_a_graph(build):
    net = build(out_indices=(1, 3), expand_indices=(1, 3), frozen_stages=2).train()
    wide, expanded, *features = net(images())
    assert wide.shape[1] == 32 and expanded.shape[1] == 72
    assert net.out_channels == (32, 72, 24, 64) and [f.shape[1] for f in features] == [24, 64]
    assert not net.joins['1'].alpha0.requires_grad and not net.stages[1]['2'].training
    assert net.stages[3][0].training
    with pytest.raises(ValueError, match=r'expands as an MBConv does; received \(2,\) for'):
        build(out_indices=(3,), expand_indices=(2,))


def test_a_chain_as_a_graph_gives_the_same_bits(build):
    chain = network(seed_architecture('mobilenet_v2'))
    net = build(chain, expand_indices=(4, 6), out_indices=(1, 3, 6)).eval()
    assert net._is_chain
    expected = net(images((65, 48)))
    net._is_chain = False
    for x, y in zip(net(images((65, 48))), expected, strict=True):
        assert torch.equal(x, y)


def test_a_chain_that_is_named_with_gaps_runs_too(build):
    nodes = list(network(seed_architecture('mobilenet_v2')).nodes)[:3]
    gap = replace(nodes[2], name='stages.1.5')
    plain, named = build(Network(SEED, tuple(nodes))), build(Network(SEED, (*nodes[:2], gap)))
    names = {name.replace('stages.1.1.', 'stages.1.5.') for name in plain.state_dict()}
    assert set(named.state_dict()) == names
    named.load_state_dict(dict(zip(named.state_dict(), plain.state_dict().values(), strict=True)))
    for x, y in zip(plain.eval()(images()), named.eval()(images()), strict=True):
        assert torch.equal(x, y)


def test_outputs_are_freed_once_they_are_read():
    freed = last_readers(GRAPH.needed(['stages.3.0']), ['stages.3.0'])
    assert freed == {
        'stages.0.0': [STEM],
        'stages.0.1': [],
        'stages.0.2': ['stages.0.0', 'stages.0.1'],
        'stages.1.0': ['stages.0.2'],
        'stages.1.2': [],
        'joins.1': ['stages.1.0', 'stages.1.2'],
        'stages.3.0': ['joins.1'],
    }


def test_what_is_no_network():
    first = GRAPH.nodes[0]
    with pytest.raises(ValueError, match="'stages.0.0' reads joins.1, before it are stem"):
        Network(SEED, (replace(first, inputs=('joins.1',)),))
    with pytest.raises(ValueError, match='name of its own'):
        Network(SEED, (first, first))
    with pytest.raises(ValueError, match='stage after stage; received those of stages 1, 0'):
        Network(SEED, (replace(first, stage=1), replace(first, name='b')))


def test_a_picture_shows_what_else_a_node_reads(monkeypatch):
    monkeypatch.setattr('mmtransfer.report.drawing.network', lambda architecture, stride: GRAPH)
    axes = draw([seed_architecture('mobilenet_v2')]).axes[0]
    written = [text.get_text() for text in axes.texts]
    assert written.count('no blocks') == 4 and 'BLEND2' in written
    arcs = [line for line in axes.lines if line.get_zorder() == 2.8]
    assert len(arcs) == 4  # to stages.0.2 and stages.1.3 one each, to the join two
    boxes = [box for column in _rows([GRAPH])[0] for box in column.boxes]
    assert sum(box.times for box in boxes) == 1 + len(GRAPH.nodes)
