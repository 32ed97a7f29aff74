"""Greedy block search with made scores, against exhaustive search."""

import itertools
import math

import pytest

from mmtransfer.search import (
    GreedyBlockSearcher,
    Scores,
    TargetError,
    all_of_size,
    beaten,
)
from mmtransfer.spaces import depth_space, mbconv_space
from tests.search.cases import SMALL, Counting, build, search

SPACE = depth_space('resnet18', [3, 2, 4, 3])
EXPANDED = depth_space('mobilenet_v2', [3, 2, 3, 2, 2])


def blocks(a):
    return [int(option) for _, option in a.options]


def concave(a):
    """Each stage gains less with every block, and stages do not meet: greedy is optimal."""
    weights = (1.0, 3.1, 2.3, 1.7)
    return sum(w * math.sqrt(n) for w, n in zip(weights, blocks(a), strict=True))


def trap(a):
    """The first stage helps most at first; the last one only with all of its blocks."""
    first, _, _, last = blocks(a)
    return first + 10 * (last == 3)


def greedy(score, space=SPACE, **settings):
    searcher = build(GreedyBlockSearcher, space, **settings)
    count = Counting(score)
    scores = search(searcher, count, Scores(space, 'greater'))
    return searcher, scores, count


def exhaustive(score, space=SPACE):
    scores = Scores(space, 'greater')
    for options in itertools.product(*(c.options for c in space.choices)):
        a = space.architecture(options)
        scores.values[a] = score(a)
    return scores


def test_it_finds_the_best_of_every_size_where_stages_add_up():
    searcher, _, _ = greedy(concave)
    everything = exhaustive(concave)
    assert [searcher.size(a) for a in searcher.chain] == list(range(4, 13))
    for kept in searcher.chain:
        rivals = [a for a in everything.values if sum(blocks(a)) == searcher.size(kept)]
        assert everything.values[kept] == max(map(concave, rivals))
    assert beaten(searcher, everything) == {}


def test_it_says_where_it_is_not_optimal():
    searcher, scores, _ = greedy(trap, blocks=7)
    assert beaten(searcher, scores) == {}  # it cannot know from its own candidates
    found = beaten(searcher, exhaustive(trap))
    assert {searcher.size(a): blocks(b) for a, b in found.items()} == {
        6: [1, 1, 1, 3], 7: [2, 1, 1, 3],
    }  # fmt: skip


def test_so_many_evaluations():
    """At most one per stage and size; all of them different; the announced number at the end."""
    most = build(GreedyBlockSearcher, SPACE, blocks=10).candidates
    assert most == 1 + 4 * 6
    searcher, scores, count = greedy(concave, blocks=10)
    assert len(count.calls) == len(set(count.calls)) == len(scores.values) == searcher.candidates
    assert searcher.candidates <= most
    assert searcher.ask() is None and searcher.architecture() == searcher.chain[-1]
    for before, after in itertools.pairwise(searcher.chain):
        step = searcher.step_of(after)
        assert after in step and all(
            sum(map(abs, (x - y for x, y in zip(blocks(a), blocks(before), strict=True)))) == 1
            for a in step
        )


@pytest.mark.parametrize('stop', [1, 3, 5, 9])
def test_told_again_it_goes_on(stop):
    whole, scores, count = greedy(concave)
    known = Scores(SPACE, 'greater', values=dict(list(scores.values.items())[:stop]))
    again = Counting(concave)
    searcher = build(GreedyBlockSearcher, SPACE)
    search(searcher, again, known)
    assert again.calls == count.calls[stop:] and searcher.chain == whole.chain


def test_ties_go_to_the_earliest_stage_and_nan_is_last():
    searcher, _, _ = greedy(lambda a: 1.0, blocks=7)
    assert blocks(searcher.chain[-1]) == [3, 2, 1, 1]
    searcher, _, _ = greedy(lambda a: math.nan if blocks(a)[0] > 1 else 0.0, blocks=6)
    assert blocks(searcher.chain[-1]) == [1, 2, 2, 1]


def test_of_equals_the_cheapest_is_kept():
    searcher, _, _ = greedy(lambda a: 1.0, EXPANDED, blocks=6)
    table, first = searcher.bound.table, searcher.chain[1]
    assert table.of(first) == min(table.of(a) for a in searcher.step_of(first))
    assert blocks(first) == [1, 1, 2, 1, 1]  # 10.3M, against 25.7, 11.0, 22.7 and 15.5


@pytest.mark.parametrize('target', [1.0, 1e12])
def test_a_target_outside_the_space_is_refused(target):
    with pytest.raises(TargetError, match='cheapest and the most expensive.*max_blocks'):
        build(GreedyBlockSearcher, EXPANDED, target=target)
    for none in (math.nan, '1e9'):
        with pytest.raises(ValueError, match='must be a finite number; received'):
            build(GreedyBlockSearcher, EXPANDED, target=none)


def test_a_target_counts_blocks_by_their_cost():
    """Blocks of MobileNetV2 differ: candidates above the target are not scored."""
    free, _, _ = greedy(lambda a: sum(blocks(a)), EXPANDED)
    table = free.bound.table
    target = table.of(free.chain[4])
    searcher, scores, _ = greedy(lambda a: blocks(a)[0] - blocks(a)[4], EXPANDED, target=target)
    assert all(table.of(a) <= target for a in scores.values)
    last = searcher.chain[-1]
    rest = [a for a in all_of_size(EXPANDED, searcher.ladder, searcher.size(last) + 1)
            if all(x >= y for x, y in zip(blocks(a), blocks(last), strict=True))]  # fmt: skip
    assert rest and all(table.of(a) > target for a in rest)
    by_hand = table.fixed + sum(
        table.entries[name][option] for name, option in last.options
    )  # blocks re-weighted by what they cost
    assert table.of(last) == by_hand
    assert len(searcher.told) == searcher.candidates


def test_any_space_with_an_order():
    order = ['skip', 'k3e3', 'k5e3']
    by_list = build(GreedyBlockSearcher, SMALL, order=order)
    by_cost = build(GreedyBlockSearcher, SMALL, order='cost')
    assert by_list.ladder == by_cost.ladder
    scores = Scores(SMALL, 'greater')
    search(by_list, lambda a: -sum(o == 'skip' for _, o in a.options), scores)
    first, last = by_list.chain[0], by_list.chain[-1]
    assert by_list.size(first) == len(SMALL.choices) and 'k5e3' not in dict(first.options).values()
    assert set(last.as_dict.values()) == {'k5e3'}
    for wrong in (None, ['k3e3'], [*order, 'k7e3'], ['skip', 'k3e3', 'k3e3']):
        with pytest.raises(ValueError, match='order must'):
            build(GreedyBlockSearcher, SMALL, order=wrong)


@pytest.mark.parametrize(
    ('settings', 'error', 'message'),
    [
        (dict(blocks=3), ValueError, 'from 4 .* to 12'),
        (dict(blocks=13), ValueError, 'from 4 .* to 12'),
        (dict(blocks=5.0), ValueError, 'integer'),
        (dict(blocks=5, target=1e9), ValueError, 'not at both'),
    ],
)
def test_bounds_out_of_reach(settings, error, message):
    with pytest.raises(error, match=message):
        build(GreedyBlockSearcher, SPACE, **settings)


def test_no_room_to_grow():
    with pytest.raises(ValueError, match='room'):
        build(GreedyBlockSearcher, depth_space('resnet18', [1, 1, 1, 1]))


def test_an_order_that_begins_with_what_is_forbidden():
    guarded = mbconv_space('mobilenet_v2', layers=(2,) * 6, min_layers=2)
    with pytest.raises(ValueError, match='constraint'):
        build(GreedyBlockSearcher, guarded, order='cost')
