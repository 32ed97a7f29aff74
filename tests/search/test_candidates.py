import itertools
import math

import pytest

from mmtransfer.search import (
    EvolutionSearcher,
    RandomSearcher,
    Scores,
    TargetError,
    score_candidates,
)
from tests.search.cases import FULL, GUARDED, SIZE, SMALL, TINY, Counting, build, quality, search

SETTINGS = {
    RandomSearcher: dict(candidates=12),
    EvolutionSearcher: dict(population=4, generations=3, parents=2),
}
BOTH = pytest.mark.parametrize('kind', SETTINGS)


def everything(space):
    for options in itertools.product(*(c.options for c in space.choices)):
        yield space.architecture(options)


@BOTH
@pytest.mark.parametrize('space', [SMALL, GUARDED])
def test_the_seed_decides(kind, space):
    runs = [list(search(build(kind, space, seed, **SETTINGS[kind])).values) for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]
    assert len(set(runs[0])) == 12


@BOTH
def test_nothing_is_evaluated_twice(kind):
    count = Counting()
    scores = search(build(kind, TINY, **SETTINGS[kind]), count)
    assert len(count.calls) == len(set(count.calls)) == len(scores.values) == 12
    search(build(kind, TINY, **SETTINGS[kind]), count, scores)
    assert len(count.calls) == 12


@BOTH
@pytest.mark.parametrize('stop', [1, 4, 7, 11])
def test_told_again_it_goes_on_as_if_never_stopped(kind, stop):
    whole = search(build(kind, FULL, **SETTINGS[kind]))
    known = Scores(FULL, values=dict(list(whole.values.items())[:stop]))
    count = Counting()
    searcher = build(kind, FULL, **SETTINGS[kind])
    assert search(searcher, count, known).values == whole.values
    assert count.calls == list(whole.values)[stop:]
    assert searcher.architecture() == whole.ranking()[0]


def test_random_search_takes_the_best_of_its_samples():
    searcher = build(RandomSearcher, FULL, candidates=30)
    scores = search(searcher)
    assert quality(searcher.architecture()) == min(map(quality, scores.values))


def test_random_search_sees_a_tiny_space_whole_and_ends():
    searcher = build(RandomSearcher, SMALL, candidates=10_000)
    assert set(search(searcher).values) == set(everything(SMALL))


@pytest.mark.parametrize('seed', range(5))
def test_evolution_finds_the_optimum_of_a_tiny_space(seed):
    """In a tenth of the evaluations that an exhaustive search needs."""
    best = min(everything(TINY), key=quality)
    searcher = build(EvolutionSearcher, TINY, seed, population=40, generations=10, parents=6,
                     mutation=0.25)  # fmt: skip
    assert TINY.size == 4**6 and searcher.candidates == 400
    search(searcher)
    assert searcher.architecture() == best


def test_evolution_beats_random_search_on_a_large_space():
    """At the same number of candidates, for every one of the seeds."""
    for seed in range(3):
        random = build(RandomSearcher, FULL, seed, candidates=100)
        evolution = build(EvolutionSearcher, FULL, seed, population=20, generations=5, parents=5)
        for searcher in (random, evolution):
            search(searcher)
        assert quality(evolution.architecture()) < quality(random.architecture())


def test_evolution_under_a_bound_finds_the_best_within_it():
    searcher = build(EvolutionSearcher, SMALL, population=20, generations=8, maximum=6.3e6)
    table = searcher.bound.table
    inside = [a for a in everything(SMALL) if table.of(a) <= 6.3e6]
    assert 4 < len(inside) < SMALL.size
    search(searcher)
    assert searcher.architecture() == min(inside, key=quality)


def test_children_come_from_the_best():
    """Without mutation every option of the second generation is one of a parent's."""
    searcher = build(EvolutionSearcher, FULL, population=10, generations=2, parents=3, crossover=1)
    told = list(search(searcher).values)
    parents = sorted(told[:10], key=quality)[:3]
    for child in told[10:]:
        assert all(option in {p[name] for p in parents} for name, option in child.options)


def test_an_unscorable_candidate_ranks_last():
    searcher = build(RandomSearcher, SMALL, candidates=5)
    calls = iter([math.nan, 3.0, 1.0, math.nan, 2.0])
    scores = search(searcher, lambda a: next(calls))
    assert scores.values[searcher.architecture()] == 1.0
    assert [scores.values[a] for a in scores.ranking()][:3] == [1.0, 2.0, 3.0]


def test_greater_can_be_better():
    searcher = build(RandomSearcher, SMALL, candidates=5)
    scores = search(searcher, quality, Scores(SMALL, 'greater'))
    assert quality(searcher.architecture()) == max(map(quality, scores.values))


def test_weight_steps_run_uniform_paths_and_nothing_else_is_proposed():
    searcher = build(RandomSearcher, SMALL, candidates=5)
    plans = [plan for i in range(200) for plan in searcher.steps(i, per_epoch=7)]
    assert plans == [plan for i in range(200) for plan in searcher.steps(i, per_epoch=9)]
    assert [(p.kind, p.number, p.data) for p in plans] == [
        ('weights', i, 'training') for i in range(200)
    ]
    paths = [plan.selection for plan in plans]
    share = sum(p[SMALL.choices[0].name] == 'k3e3' for p in paths) / 200
    assert 0.4 < share < 0.6
    assert searcher.architecture() is None


def test_the_callback_tells_new_from_known():
    searcher, seen = build(RandomSearcher, SMALL, candidates=3), []
    known = Scores(SMALL)
    first = searcher.ask()
    known.values[first] = 1.0
    score_candidates(searcher, quality, known, lambda a, new: seen.append((a, new)))
    assert seen[0] == (first, False) and [new for _, new in seen[1:]] == [True, True]


@pytest.mark.parametrize(
    ('kind', 'settings', 'message'),
    [
        (RandomSearcher, dict(candidates=0), 'candidates'),
        (RandomSearcher, dict(candidates=2.5), 'candidates'),
        (EvolutionSearcher, dict(population=1, generations=2), 'population'),
        (EvolutionSearcher, dict(population=4, generations=0), 'generations'),
        (EvolutionSearcher, dict(population=4, generations=2, parents=1), 'parents'),
        (EvolutionSearcher, dict(population=4, generations=2, parents=5), 'more parents'),
        (EvolutionSearcher, dict(population=10, generations=2, mutation=1.5), 'mutation'),
        (EvolutionSearcher, dict(population=10, generations=2, crossover=-0.1), 'crossover'),
        (RandomSearcher, dict(candidates=2, target=5e6, maximum=5e6), 'not both'),
        (RandomSearcher, dict(candidates=2, target=5e6, tolerance=-1), 'tolerance'),
    ],
)
def test_settings_out_of_range(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        build(kind, **settings)


@BOTH
@pytest.mark.parametrize('bound', [dict(target=1.0), dict(target=1e12), dict(maximum=1.0)])
def test_a_bound_outside_the_space(kind, bound):
    with pytest.raises(TargetError, match='must'):
        build(kind, **SETTINGS[kind], **bound)


def test_size_is_what_the_tables_were_made_for():
    assert build(RandomSearcher, candidates=1).bound.table.input_size == SIZE
