"""Whether the scores of a search have decided anything."""

import math

import pytest

from mmtransfer.engine.candidate_phase import say_undecided
from mmtransfer.search import GreedyBlockSearcher, RandomSearcher, Scores, ScoresError
from mmtransfer.spaces import depth_space
from tests.search.cases import build, search

SPACE = depth_space('resnet18', [2, 2, 2, 2])


def blocks(a):
    return [int(option) for _, option in a.options]


def weighted(a):
    return float(sum((i + 1) * n for i, n in enumerate(blocks(a))))


def outcome(score, searcher=GreedyBlockSearcher, **settings):
    built = build(searcher, SPACE, **settings)
    return say_undecided(built, search(built, score, Scores(SPACE, 'greater')))


def test_scores_that_differ_decide():
    assert outcome(weighted) == ''
    assert outcome(lambda a: float(blocks(a)[0]), RandomSearcher, candidates=9) == ''


def test_candidates_that_all_score_alike():
    text = outcome(lambda a: 0.0, RandomSearcher, candidates=9)
    assert 'all candidates score alike in 1 of 1 comparisons (such as 0 for 9 of them)' in text
    assert 'train_cfg.split.arch' in text
    # A larger network scores better, but no candidate of a step better than another: the chain is
    # the cheapest one. The last step has one candidate, which is no comparison.
    assert 'in 3 of 3 comparisons' in outcome(lambda a: float(sum(blocks(a))))


def test_steps_without_a_score_are_not_decided_either():
    text = outcome(lambda a: math.nan if sum(blocks(a)) < 6 else weighted(a))
    assert 'in 1 of 3 comparisons (such as nan for 4 of them)' in text


@pytest.mark.parametrize(
    ('searcher', 'settings'), [(GreedyBlockSearcher, {}), (RandomSearcher, dict(candidates=5))]
)
def test_a_search_without_a_score_has_no_result(searcher, settings):
    with pytest.raises(ScoresError, match=r'finite score; none of \d+ has.*metric=.loss'):
        outcome(lambda a: math.nan, searcher, **settings)
