import collections
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.cost.table import cost_table
from mmtransfer.search import CostBound, EvolutionSearcher, RandomSearcher, TargetError
from tests.search.cases import FULL, GUARDED, SIZE, SMALL, build, search

TABLES = {space: cost_table(space, SIZE) for space in (FULL, GUARDED, SMALL)}


@given(
    space=st.sampled_from([FULL, GUARDED]),
    share=st.floats(0.15, 0.85),
    tolerance=st.floats(0.005, 0.1),
    seed=st.integers(0, 999),
)
@settings(max_examples=30, deadline=None)
def test_samples_lie_within_the_bound(space, share, tolerance, seed):
    low, high = TABLES[space].bounds()
    target = low + share * (high - low)
    found = CostBound.around(TABLES[space], target, tolerance).sample(random.Random(seed))
    space.check(found)
    assert abs(TABLES[space].of(found) / target - 1) <= tolerance


@given(
    kind=st.sampled_from([RandomSearcher, EvolutionSearcher]),
    share=st.floats(0.2, 0.8),
    seed=st.integers(0, 999),
)
@settings(max_examples=10, deadline=None)
def test_every_candidate_respects_the_bound(kind, share, seed):
    low, high = TABLES[GUARDED].bounds()
    target = low + share * (high - low)
    numbers = dict(candidates=12) if kind is RandomSearcher else dict(population=4, generations=3)
    extra = {} if kind is RandomSearcher else dict(parents=2)
    searcher = build(kind, GUARDED, seed, **numbers, **extra, target=target, tolerance=0.03)
    told = search(searcher).values
    assert len(told) == 12
    for candidate in told:
        GUARDED.check(candidate)
        assert abs(TABLES[GUARDED].of(candidate) / target - 1) <= 0.03


def test_within_the_bound_every_architecture_is_as_likely():
    table = TABLES[SMALL]
    bound = CostBound(table, 6.2e6, 6.5e6)
    everything = (
        SMALL.architecture(options)
        for options in itertools.product(*(c.options for c in SMALL.choices))
    )
    inside = {a for a in everything if bound.holds(a)}
    rng, draws = random.Random(0), 100 * len(inside)
    counts = collections.Counter(bound.sample(rng) for _ in range(draws))
    assert set(counts) == inside and len(inside) > 10
    assert min(counts.values()) > 60 and max(counts.values()) < 145  # 100 +- 4.5 sigma


def test_without_a_bound_it_is_the_space_that_samples():
    bound = CostBound(TABLES[FULL])
    assert bound.sample(random.Random(3)) == FULL.sample(random.Random(3))


def test_a_maximum():
    bound = CostBound.around(TABLES[FULL], maximum=1.05 * TABLES[FULL].bounds()[0])
    costs = [TABLES[FULL].of(bound.sample(random.Random(i))) for i in range(20)]
    assert max(costs) <= bound.high and len(set(costs)) > 5


def test_a_gap_between_costs_is_named():
    table = TABLES[SMALL]
    low, high = table.bounds()
    with pytest.raises(TargetError, match='too coarse'):
        build(RandomSearcher, SMALL, candidates=2, target=low + 1.5, tolerance=1e-9)
    with pytest.raises(TargetError, match='reach into the space'):
        CostBound(table, high + 1, high + 2)
