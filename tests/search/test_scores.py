import json
import math

import pytest

from mmtransfer.search import RandomSearcher, Scores, ScoresError
from tests.search.cases import FULL, SMALL, build, quality, search


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


@pytest.mark.parametrize('rule', ['less', 'greater'])
@pytest.mark.parametrize('score', [math.inf, -math.inf])
def test_an_infinite_score_ranks_last_and_can_be_written(scores, rule, score):
    first, *others = scores.values
    found = Scores(SMALL, rule, values={**scores.values, first: score})
    assert found.ranking()[-1] == first
    again = Scores.from_json(found.to_json(), SMALL)
    assert again.ranking() == found.ranking() and math.isnan(again.values[first])
    assert {again.values[a] for a in others} == {scores.values[a] for a in others}


def test_some_of_the_scores_with_what_is_noted(scores):
    noted = Scores(SMALL, values={a.replace(cost={'madds': 7}): 1.0 for a in scores.values})
    asked = list(scores.values)[4:1:-1]
    found = noted.only(asked)
    assert list(found.values) == asked and all(a.cost == {'madds': 7} for a in found.values)


@pytest.mark.parametrize(
    'change',
    [
        lambda d: d.pop('candidates'),
        lambda d: d.pop('rule'),
        lambda d: d.update(rule='better'),
        lambda d: d['candidates'][0].pop('score'),
        lambda d: d['candidates'][0].update(score='best'),
        lambda d: d['candidates'][0].update(options=['k9e9']),
    ],
)
def test_an_edited_file(scores, change):
    data = json.loads(scores.to_json())
    change(data)
    with pytest.raises(ScoresError, match=r'a.json must give score, cost and options'):
        Scores.from_data(data, SMALL, 'a.json')


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
