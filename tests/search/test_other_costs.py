"""Costs that do not add up over the choices: what every search can do with them, and what not."""

import itertools
import math
import random
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace

import pytest
import torch

from mmtransfer.cost import CostTable, cost_table
from mmtransfer.search import (
    CostBound,
    CostTerm,
    DifferentiableSearcher,
    EvolutionSearcher,
    GreedyBlockSearcher,
    RandomSearcher,
    Step,
    Target,
    TargetError,
    derive,
)
from mmtransfer.search.sizes import ladder
from mmtransfer.space import SearchSpace
from tests.search.cases import SIZE, SMALL, TINY, search

ORDER = ('k3e3', 'k5e3', 'k3e6', 'k5e6')


@dataclass(frozen=True)
class Widest:
    """A backbone costs what its most expensive layer does, as memory may."""

    space: SearchSpace
    metric: str = 'madds'
    input_size: tuple[int, int] = SIZE
    output_stride: int = 32
    in_channels: int = 3
    fixed: float = 0.0

    @cached_property
    def layers(self):
        return cost_table(self.space, SIZE).entries

    def of(self, architecture):
        self.space.check(architecture)
        return max(self.layers[name][option] for name, option in architecture.options)

    def expected(self, probabilities):
        """The sum over all costs v of v * (P(all <= v) - P(all < v))."""
        entries = self.layers
        total, below = 0.0, 0.0
        for value in sorted({v for costs in entries.values() for v in costs.values()}):
            fits = [
                probabilities[name][torch.tensor([v <= value for v in costs.values()])].sum()
                for name, costs in entries.items()
            ]
            upto = torch.stack(fits).prod()
            total, below = total + value * (upto - below), upto
        return total

    def bounds(self):
        costs = [costs.values() for costs in self.layers.values()]
        return max(map(min, costs)), max(map(max, costs))


def build(searcher, space, **settings):
    return searcher(SimpleNamespace(space=space), Widest(space), 0, **settings)


def middle(space):
    """A cost that some backbones have."""
    return Widest(space).of(space.sample(random.Random(1)))


@pytest.mark.parametrize(
    ('kind', 'numbers'),
    [
        (RandomSearcher, dict(candidates=8)),
        (EvolutionSearcher, dict(population=4, generations=2, parents=2)),
    ],
)
def test_candidates_of_a_target(kind, numbers):
    target = middle(TINY)
    searcher = build(kind, TINY, **numbers, target=target, tolerance=0.03)
    told = search(searcher).values
    assert len(told) == 8
    assert all(abs(Widest(TINY).of(a) / target - 1) <= 0.03 for a in told)


def test_draws_within_a_bound_are_those_of_the_space():
    table: CostTable = Widest(SMALL)
    bound = CostBound.around(table, maximum=middle(SMALL))
    rng, like = random.Random(0), random.Random(0)
    drawn = [bound.sample(rng) for _ in range(20)]
    every = (SMALL.sample(like) for _ in itertools.count())
    assert drawn == list(itertools.islice((a for a in every if bound.holds(a)), 20))


def test_a_cost_that_nothing_has():
    low, high = Widest(SMALL).bounds()
    with pytest.raises(TargetError, match='too coarse'):
        build(RandomSearcher, SMALL, candidates=2, target=low + 1.5, tolerance=1e-9)
    with pytest.raises(TargetError, match=f'{low:,}'):
        build(RandomSearcher, SMALL, candidates=2, target=high + 1)


def uniform(space):
    return {c.name: [1 / len(c.options)] * len(c.options) for c in space.choices}


def test_the_cost_term_pulls_to_a_target_from_both_sides():
    p = {
        n: torch.tensor(v, dtype=torch.float64, requires_grad=True)
        for n, v in uniform(SMALL).items()
    }
    table, supernet = Widest(SMALL), SimpleNamespace(probabilities=lambda: p)
    every = [
        SMALL.architecture(options)
        for options in itertools.product(*(c.options for c in SMALL.choices))
    ]
    mean = sum(map(table.of, every)) / len(every)
    step = Step('arch', 0, supernet, table)
    assert CostTerm(2.0)(step).item() == pytest.approx(2 * math.log10(mean))
    gradients = []
    low, high = table.bounds()
    for target in (1.01 * low, 0.99 * high):
        term = CostTerm(1.0, target)
        term.check(table)
        gradients.append(torch.autograd.grad(term(step), [*p.values()]))
    for down, up in zip(*gradients, strict=True):
        torch.testing.assert_close(down, -up)
    assert sum(g.abs().sum() for g in gradients[0]) > 0


def test_without_a_target_the_most_probable_options_are_derived():
    p = uniform(SMALL) | {SMALL.choices[0].name: [0.3, 0.7]}
    assert derive(SMALL, p, Widest(SMALL))[SMALL.choices[0].name] == SMALL.choices[0].options[1]


def test_with_a_target_a_differentiable_search_is_refused_by_name():
    p, target = uniform(SMALL), middle(SMALL)
    message = 'add up over the choices, an AdditiveTable; received a Widest of madds.*Random'
    with pytest.raises(ValueError, match=message):
        derive(SMALL, p, Widest(SMALL), Target(target))
    with pytest.raises(ValueError, match=message):
        build(DifferentiableSearcher, SMALL, target=target)


def test_greedy_search_within_a_cost():
    searcher = build(GreedyBlockSearcher, TINY, order=ORDER, target=middle(TINY))
    most = searcher.candidates
    told = search(searcher).values
    assert len(told) == searcher.candidates <= most == 1 + 6 * 18
    assert all(Widest(TINY).of(a) <= middle(TINY) for a in told)
    assert len(searcher.chain) > 3


def test_no_order_by_cost():
    with pytest.raises(ValueError, match="order='cost' needs costs that add up.*List the options"):
        ladder(TINY, Widest(TINY), 'cost')
