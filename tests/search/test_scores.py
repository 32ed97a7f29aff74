import json
import math

import pytest

from mmtransfer.search import RandomSearcher, Scores, ScoresError

from .cases import FULL, SMALL, build, quality, search


@pytest.fixture
def scores():
    found = search(build(RandomSearcher, candidates=6), lambda a: quality(a) / 3)
    found.evaluation = {'metric': 'loss', 'weights': 'abc'}
    return found


def test_a_file_keeps_every_digit_and_null_for_nan(scores):
    scores.values[next(iter(scores.values))] = math.nan
    text = scores.to_json()
    again = Scores.from_json(text, SMALL)
    assert again.ranking() == scores.ranking()
    for a, score in scores.values.items():
        assert again.values[a] == score or math.isnan(score) and math.isnan(again.values[a])
    assert json.loads(text)['candidates'][-1]['score'] is None
    assert (again.rule, again.evaluation) == (scores.rule, scores.evaluation)


def test_an_empty_file(scores):
    assert Scores.from_json(Scores(SMALL).to_json(), SMALL).values == {}


@pytest.mark.parametrize(
    ('text', 'message'),
    [('{"format": 1,', 'line 1'), ('[]', 'format 1'), ('{"format": 7}', 'format 1')],
)
def test_no_scores(text, message):
    with pytest.raises(ScoresError, match=message):
        Scores.from_json(text, SMALL, 'a.json')


def test_scores_of_another_space(scores):
    with pytest.raises(ScoresError, match=f'{FULL.fingerprint}.*{SMALL.fingerprint}'):
        Scores.from_json(scores.to_json(), FULL, 'a.json')


def test_scores_of_another_evaluation_are_not_joined(scores):
    mine = Scores(SMALL, evaluation={'metric': 'loss', 'weights': 'xyz'})
    with pytest.raises(ScoresError, match="weights: 'abc' there, 'xyz' here"):
        mine.take(scores)
    assert not mine.values
    same = Scores(SMALL, evaluation=dict(scores.evaluation))
    same.take(scores)
    assert same.values == scores.values


def test_an_unknown_rule():
    with pytest.raises(ValueError, match='less, greater'):
        Scores(SMALL, 'better')
