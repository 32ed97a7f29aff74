import json
import sys

import cv2
import pytest

from mmtransfer.cost.metrics import METRICS
from mmtransfer.report import chain
from mmtransfer.tools.plot_chain import COSTS


@pytest.fixture
def plot(monkeypatch):
    """The tool in this process: its return value for these arguments."""
    from mmtransfer.tools.plot_chain import main

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['plot_chain.py', *map(str, arguments)])
        return main()

    return call


@pytest.fixture
def searched(tmp_path):
    entry = dict(size=2, options=['1', '1'], score=0.3, cost=dict(madds=5e8), metrics={})
    file = tmp_path / 'search/chain.json'
    file.parent.mkdir()
    file.write_text(json.dumps([entry]))
    return file.parent


def test_two_chains_make_one_picture(plot, searched, tmp_path, capsys):
    picture = tmp_path / 'new/x.png'
    assert plot(searched, searched, '--label', 'a', 'b', '-o', picture) == 0
    assert capsys.readouterr().out.strip() == str(picture)
    assert cv2.imread(str(picture)).std() > 1


def test_the_axis_is_named_by_what_was_searched(plot, searched, tmp_path, monkeypatch):
    entry = json.loads((searched / 'chain.json').read_text())[0]
    (searched / 'chain.json').write_text(json.dumps([{**entry, 'metric': 'mIoU'}]))
    named = []
    draw = chain.draw_chains
    monkeypatch.setattr(chain, 'draw_chains', lambda *args: named.append(args[1]) or draw(*args))
    plot(searched, '-o', tmp_path / 'x.png')
    plot(searched, '--metric', 'mine', '-o', tmp_path / 'x.png')
    assert named == ['mIoU', 'mine']


def test_every_cost_can_be_drawn():
    assert tuple(METRICS) == COSTS


def test_mistakes_are_named(plot, searched, tmp_path, capsys):
    picture = tmp_path / 'x.png'
    assert plot(searched, '--cost', 'params', '-o', picture) == 2
    assert "has, madds; received 'params'" in capsys.readouterr().err
    assert plot(tmp_path, '-o', picture) == 2
    assert 'finished greedy search' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        plot(searched, searched, '-o', picture)
    assert '2 directories need as many different labels' in capsys.readouterr().err
    assert not picture.exists()
