"""What a stranger adds from outside of the package: a kind of space and its supernet.

Three nodes and a skip connection: ``c`` reads ``a``, and ``b`` between them if that is wanted; else
``b`` is dead. The seed is no name but a mapping, which the record alone understands.
"""

import copy
import json
import random

import pytest
import torch

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.backbones import MIXTURE, AdaptedBackbone, StagedSupernet
from mmtransfer.backbones.settings import Settings
from mmtransfer.cost import cost_table
from mmtransfer.cost.counter import count_backbone
from mmtransfer.cost.latency import read_latency, stamp_here, write_latency
from mmtransfer.cost.timing import FIXED, supernet_jobs, table_of_times
from mmtransfer.registry import MODELS
from mmtransfer.remap import load_seed, remap, seed_to_network, supernet_to_network
from mmtransfer.report.drawing import draw
from mmtransfer.seeds import STEM, Network, Node, Seed, Stage
from mmtransfer.seeds.layout import network_layout
from mmtransfer.seeds.mbconv import MBConv
from mmtransfer.space import Choice, SearchSpace, SpaceError
from mmtransfer.spaces import KINDS, closest_to_seed, network, read_architecture, register, space_of
from mmtransfer.spaces.around import build_space
from tests.engine.test_search_loop import run
from tests.engine.tiny import search_config

WIDTHS = {'widths': [8, 16]}
SIZE = (32, 32)


class SkipKind:
    """The ops of ``a`` and ``b``, and whether ``c`` reads ``b`` too."""

    name = 'skip_connection'

    def build(self, seed, kernels=(3, 5)):
        """The space around ``{'widths': [of a and b, of c]}``."""
        ops = tuple(f'k{k}e2' for k in kernels)
        choices = (Choice('a', ops), Choice('b', ops), Choice('reads', ('a', 'a and b')))
        rule = {'kernels': list(kernels)}
        return SearchSpace(self.name, seed, rule, choices, covered=tuple(seed['widths']))

    def takes(self, seed):
        return isinstance(seed, dict) and set(seed) == {'widths'}

    def own_rule(self, seed):
        return {}

    def _spelled(self, space, ops, reads, output_stride=32):
        """A network; ``ops`` are those of ``a`` and ``b``, with the ends of their names."""
        near, far = space.seed['widths']
        stages = (Stage(near, 1, ('k3e2', 'k3e2')), Stage(far, 2, ('k3e2',)))
        seed = Seed('skip', near, stages, head_channels=0, num_classes=2)
        nodes, before, read = [], STEM, []
        for index, name in enumerate('ab'[: 1 + (reads == 'a and b')]):
            for op, end in ops[name]:
                at = f'stages.0.{index}{end}'
                nodes.append(
                    Node(at, MBConv.read(op), (before,), near, near, 1, 1, 0, index, index, name)
                )
            before = nodes[-1].name
            read.append(before)
        last = Node('stages.1.0', MBConv(3, 2), tuple(read), near, far, 2, 1, 1, 0, 0)
        return Network(seed, (*nodes, last))

    def seed(self, space, output_stride=32):
        return self._spelled(space, dict.fromkeys('ab', [('k3e2', '')]), 'a and b')

    def closest(self, space, exact=False):
        return space.architecture([space.choices[0].options[0]] * 2 + ['a and b'])

    def order(self, space):
        return None

    def network(self, space, architecture, output_stride=32):
        ops = {name: [(architecture[name], '')] for name in 'ab'}
        return self._spelled(space, ops, architecture['reads'])

    def supernet(self, space, output_stride=32):
        ops = {c.name: [(op, f'.{op}') for op in c.options] for c in space.choices[:2]}
        return self._spelled(space, ops, 'a and b')

    def layout(self, space, in_channels=3):
        layout = network_layout(self.supernet(space).reading(in_channels))
        return layout | {f'logits.{i}': (len(c.options),) for i, c in enumerate(space.choices)}

    def parts(self, space, output_stride=32):
        return None  # what b costs depends on whether it is read

    def expected(self, space, probabilities, cost_of):
        def mean(index):
            choice = space.choices[index]
            costs = (cost_of(f'stages.0.{index}.{op}') for op in choice.options)
            return sum(p * c for p, c in zip(probabilities[choice.name], costs, strict=True))

        a, b = mean(0), mean(1)
        return a + probabilities['reads'][1] * b + cost_of('stages.1.0')

    def bounds(self, space, cost_of):
        a, b = (
            [cost_of(f'stages.0.{i}.{op}') for op in c.options]
            for i, c in enumerate(space.choices[:2])
        )
        last = cost_of('stages.1.0')
        return min(a) + last, max(a) + max(b) + last

    def from_seed(self, space, source, target):
        return {node.name: '.'.join(node.name.split('.')[:3]) for node in target.nodes}

    def from_supernet(self, space, target):
        names = ((n.name, f'{n.name}.{n.op.text}' if n.choice else n.name) for n in target.nodes)
        return dict(names)


KIND = SkipKind()


@MODELS.register_module()
class SkipSupernet(StagedSupernet):
    """Its supernet: what each node returns is mixed, and so is what the last one reads."""

    def __init__(self, seed=WIDTHS, kernels=(3, 5), **settings):
        space = build_space(KIND, dict(seed), {'kernels': list(kernels)})
        super().__init__(space, Settings.of(type(self), settings))

    def idle_blocks(self):
        if self.selection == MIXTURE:
            return
        for index, choice in enumerate(self.space.choices[:2]):
            for op, block in self.stages[0][str(index)].items():
                dead = choice.name == 'b' and self.selection['reads'] == 'a'
                if dead or op != self.selection[choice.name]:
                    yield block

    def forward(self, x):
        self.check_chosen(x)
        mixing = self.probabilities() if self.selection == MIXTURE else None
        x = a = self._node('a', self.begin(x), mixing)
        if mixing is not None:
            x = a + mixing['reads'][1] * self._node('b', a, mixing)
        elif self.selection['reads'] == 'a and b':
            x = a + self._node('b', a, mixing)
        x = self.stages[1][0](x)
        if self.training and torch.is_grad_enabled():
            self._pending.watch([x])
        return (x,)

    def _node(self, name, x, mixing):
        blocks = self.stages[0][str('ab'.index(name))]
        if mixing is None:
            return blocks[self.selection[name]](x)
        return sum(p * block(x) for p, block in zip(mixing[name], blocks.values(), strict=True))


@pytest.fixture
def space():
    """A space of the kind, which is known by its name."""
    compat.apply()
    register(KIND)
    yield build_space(KIND, WIDTHS, {})
    del KINDS[KIND.name]


def every(space):
    """All architectures of a space of few."""
    first = closest_to_seed(space)
    found = dict.fromkeys([first])
    for _ in space.choices:
        found |= dict.fromkeys(n for a in list(found) for n in space.neighbours(a))
    return list(found)


def stirred(net):
    """The module with running statistics that are not those of a new one, in float64."""
    generator = torch.Generator().manual_seed(3)
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5 * ('var' in name))
    return net.double().eval()


def plain(architecture):
    return AdaptedBackbone(architecture, out_indices=(1,))


def test_a_kind_of_space_from_outside(space):
    """Its file, its networks, drawing from it, and its pictures."""
    assert len(every(space)) == space.size == 8
    drawn = space.sample(random.Random(1)).replace(input_size=SIZE)
    content = json.loads(drawn.to_json())
    assert content['format'] == 2 and content['seed'] == WIDTHS
    found = read_architecture(content)
    assert found == drawn and space_of(found) == space
    wider = build_space(KIND, {'widths': [8, 24]}, {})
    assert wider.fingerprint != space.fingerprint and wider != space
    with pytest.raises(SpaceError, match='has the fingerprint'):
        read_architecture({**content, 'seed': {'widths': [8, 24]}})
    with pytest.raises(Exception, match='must be of format 2; received format 1'):
        read_architecture({**content, 'format': 1})
    with pytest.raises(SpaceError, match='takes kernels; received .*layers'):
        build_space(KIND, WIDTHS, {'layers': 3})

    both, one = (space.architecture(['k5e2', 'k3e2', reads]) for reads in ('a and b', 'a'))
    inputs = [[node.inputs for node in network(a).nodes] for a in (both, one)]
    assert inputs[0] == [('stem',), ('stages.0.0',), ('stages.0.0', 'stages.0.1')]
    assert inputs[1] == [('stem',), ('stages.0.0',)]
    written = [text.get_text() for text in draw([both, one]).axes[0].texts]
    assert sorted(t for t in written if t[:2] in ('K3', 'K5')).count('K5E2') == 2


def test_what_its_networks_cost(space, tmp_path):
    """Counted: exact, and expected as by all architectures. Measured: the same, by node."""
    for metric in ('madds', 'params'):
        table = cost_table(space, (33, 47), metric)
        costs = {a: table.of(a) for a in every(space)}
        for a, cost in costs.items():
            assert cost == count_backbone(plain(a), (33, 47))[metric]['total']
        assert table.bounds() == (min(costs.values()), max(costs.values()))
        p = {c.name: torch.rand(2, dtype=torch.double).softmax(0) for c in space.choices}
        p = {name: q.requires_grad_() for name, q in p.items()}
        chances = {
            a: torch.stack([p[c.name][c.options.index(a[c.name])] for c in space.choices]).prod()
            for a in costs
        }
        brute = sum(chance * costs[a] for a, chance in chances.items())
        expected = table.expected(p)
        torch.testing.assert_close(expected + table.fixed, brute)
        expected.backward()
        assert all(q.grad.abs().sum() > 0 for q in p.values())

    supernet = SkipSupernet(out_indices=(1,))
    jobs = supernet_jobs(supernet, torch.randn(1, 3, *SIZE))
    assert len(jobs) == 1 + 2 + 2 + 1
    [job() for job in jobs.values()]
    times = {key: 10.0**i for i, key in enumerate(jobs)}
    table = table_of_times(supernet, SIZE, times)
    assert table.fixed == times[FIXED] == 1
    a = space.architecture(['k5e2', 'k3e2', 'a'])
    assert table.of(a) == 1 + times['stages.0.0.k5e2', 'k5e2'] + times['stages.1.0', 'k3e2']
    write_latency(tmp_path / 'times.json', table, stamp_here(space, SIZE))
    assert read_latency(tmp_path / 'times.json', space)[0] == table


def test_its_weights_are_carried_over(space, tmp_path):
    """Seed to supernet, supernet to network, seed to network, by files and by plans."""
    images = torch.randn(2, 3, 33, 47, dtype=torch.double)
    seed = stirred(plain(closest_to_seed(space)))
    torch.save(seed.state_dict(), tmp_path / 'seed.pth')
    supernet = SkipSupernet(out_indices=(1,)).double().eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in supernet.state_dict().items()}
    assert shapes == KIND.layout(space)
    plan = load_seed(supernet, tmp_path / 'seed.pth')
    kept = [move.target for move in plan.moves if move.source is None]
    assert kept == ['logits.0', 'logits.1', 'logits.2'] and not plan.unused
    supernet.select(closest_to_seed(space))
    with torch.no_grad():
        assert torch.equal(supernet(images)[0], seed(images)[0])

    stirred(supernet)
    for a in every(space):
        target = network(a)
        plan = supernet_to_network(space, target)
        assert {move.rule for move in plan.moves} == {'copy'}
        net, loaded = plain(a).double().eval(), plain(a).double().eval()
        net.load_state_dict(remap(plan, supernet.state_dict(), net.state_dict()))
        loaded.load_state_dict(supernet.state_dict())  # recognised as its supernet's
        supernet.select(a)
        with torch.no_grad():
            for other in (net, loaded):
                assert torch.equal(supernet(images)[0], other(images)[0])
        plan = seed_to_network(KIND.seed(space), space, target)
        assert all(m.target == m.source for m in plan.moves)
        dead = any(name.startswith('stages.0.1.') for name in plan.unused)
        assert dead == (a['reads'] == 'a')


ORDER = ['k3e2', 'k5e2', 'a', 'a and b']


@pytest.mark.parametrize(
    ('searcher', 'options'),
    [
        ('Random', dict(candidates=3)),
        ('Evolution', dict(population=3, generations=2, parents=2)),
        ('GreedyBlock', dict(order=ORDER, blocks=5)),
        ('Differentiable', dict()),
    ],
)
def test_its_search(space, tmp_path, searcher, options):
    """By every searcher; what it finds is built and counted."""
    config = search_config(tmp_path, epochs=2)
    config.model.backbone = dict(type='mmtransfer.SkipSupernet', out_indices=(1,))
    config.train_cfg.searcher = dict(type=f'mmtransfer.{searcher}Searcher', **options)
    if searcher != 'Differentiable':
        config.train_cfg.update(arch_begin=None, regularisers=[], evaluation=dict(bn_iterations=2))
    if searcher in ('Random', 'Evolution'):
        config.train_cfg.searcher.maximum = cost_table(space, SIZE).bounds()[1]
    runner = run(copy.deepcopy(config))
    found = Architecture.read(tmp_path / 'architecture.json')
    assert found.cost['madds'] == count_backbone(plain(found), SIZE)['madds']['total']
    if searcher != 'Differentiable':
        assert found == runner.model.backbone.selection
    if searcher == 'GreedyBlock':
        assert [runner.train_loop.searcher.size(a) for a in runner.train_loop.searcher.chain] == (
            [3, 4, 5]
        )


def test_what_needs_added_costs_is_refused_by_name(space, tmp_path):
    config = search_config(tmp_path, epochs=2)
    config.model.backbone = dict(type='mmtransfer.SkipSupernet', out_indices=(1,))
    config.train_cfg.searcher.target = cost_table(space, SIZE).bounds()[1]
    with pytest.raises(ValueError, match='costs that add up.*JointTable of madds for the skip_con'):
        run(config)
