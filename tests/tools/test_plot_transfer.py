import json
import sys

import cv2
import pytest

from mmtransfer.search import Scores
from mmtransfer.spaces import depth_space

SPACE = depth_space('resnet18', [2, 2, 2, 2])


@pytest.fixture
def plot(monkeypatch):
    from mmtransfer.tools.plot_transfer import main

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['plot_transfer.py', *map(str, arguments)])
        return main()

    return call


def ranking(path, options, space=SPACE):
    scores = Scores(space, 'greater', {'metric': 'top1'})
    for number, option in enumerate(options):
        scores.values[space.architecture(option)] = 0.5 + 0.01 * number
    path.write_text(scores.to_json())
    return path


def test_networks_of_both_files_make_a_picture(plot, tmp_path, capsys):
    source = ranking(tmp_path / 's.json', ['1111', '1112', '2111'])
    target = ranking(tmp_path / 't.json', ['2111', '1111', '2222'])
    picture = tmp_path / 'new/x.png'
    assert plot(source, target, '-o', picture) == 0
    assert capsys.readouterr().out.strip() == str(picture)
    assert cv2.imread(str(picture)).std() > 1


def test_mistakes_are_named(plot, tmp_path, capsys):
    source = ranking(tmp_path / 's.json', ['1111'])
    other = ranking(tmp_path / 'o.json', ['1111'], depth_space('resnet18', [3, 2, 2, 2]))
    strange = tmp_path / 'x.json'
    strange.write_text(json.dumps(dict(a=1)))
    for second, message in (
        (other, 'of one space'), (strange, 'must be a ranking'),
        (ranking(tmp_path / 't.json', ['1112']), 'at least one network'),
    ):  # fmt: skip
        assert plot(source, second, '-o', tmp_path / 'x.png') == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize('evaluation', [None, 'top1'])
def test_a_ranking_that_does_not_say_how_it_was_scored(plot, tmp_path, capsys, evaluation):
    source = ranking(tmp_path / 's.json', ['1111'])
    data = json.loads(source.read_text())
    data.pop('evaluation')
    if evaluation is not None:
        data['evaluation'] = evaluation
    edited = tmp_path / 'edited.json'
    edited.write_text(json.dumps(data))
    assert plot(source, edited, '-o', tmp_path / 'x.png') == 2
    assert "edited.json' must be a ranking" in capsys.readouterr().err
