import json
import sys
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def plot(monkeypatch):
    """The tool in this process: its return value for these arguments."""
    from mmtransfer.tools.plot_curves import main

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['plot_curves.py', *map(str, arguments)])
        return main()

    return call


@pytest.fixture
def folder(tmp_path):
    file = tmp_path / 'run/20240101_000000/vis_data/scalars.json'
    file.parent.mkdir(parents=True)
    records = [dict(loss=1.0, epoch=1, step=4), {'coco/bbox_mAP': 0.2, 'step': 1}]
    file.write_text('\n'.join(map(json.dumps, records)))
    return tmp_path / 'run'


def test_two_runs_make_one_picture(plot, folder, tmp_path, capsys):
    picture = tmp_path / 'new/x.png'
    assert plot(folder, folder, '--label', 'a', 'b', '-o', picture) == 0
    assert capsys.readouterr().out.strip() == str(picture)
    image = cv2.imread(str(picture))
    assert image.shape[0] > 500 and image.std() > 1


def test_mistakes_are_named(plot, folder, tmp_path, capsys):
    assert plot(tmp_path, '-o', tmp_path / 'x.png') == 2
    assert 'must be the work directory of a training' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        plot(folder, '--label', 'a', 'b', '-o', tmp_path / 'x.png')
    assert '1 directories need as many labels, not 2' in capsys.readouterr().err
    assert not (tmp_path / 'x.png').exists()
