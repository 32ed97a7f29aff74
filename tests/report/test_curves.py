"""Curves from logs as MMEngine writes them."""

import json
from pathlib import Path

import pytest

from mmtransfer.report.curves import Run, draw_curves, read_run

METRIC = 'coco/bbox_mAP'


def write(folder: Path, records: list[dict], start: str = '20240101_000000', end: str = '') -> Path:
    file = folder / start / 'vis_data/scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text('\n'.join(map(json.dumps, records)) + end)
    return folder


def epoch(number: int, losses: list[float], score: float | None = None) -> list[dict]:
    """Four iterations an epoch, logged every two, and its validation."""
    steps = [(number - 1) * 4 + 2 * (i + 1) for i in range(len(losses))]
    logged = [
        dict(lr=0.1, loss=v, epoch=number, iter=s, step=s)
        for v, s in zip(losses, steps, strict=True)
    ]
    return logged + ([{METRIC: score, 'time': 1.0, 'step': number}] if score is not None else [])


def test_loss_is_the_mean_of_an_epoch(tmp_path):
    write(tmp_path / 'run', epoch(1, [3.0, 2.0], 0.1) + [{'prob/a/b': 1.0, 'step': 4}])
    write(tmp_path / 'run', epoch(2, [1.0, 0.5], 0.25), start='20240102_000000')
    run = read_run(tmp_path / 'run', METRIC)
    assert run == Run('run', ((1, 2.5), (2, 0.75)), ((1, 0.1), (2, 0.25)))
    assert read_run(tmp_path / 'run/20240101_000000', METRIC, 'x').metric == ((1, 0.1),)


def test_a_resumed_run_counts_once(tmp_path):
    write(tmp_path, epoch(1, [4.0, 2.0], 0.1) + epoch(2, [9.0, 9.0], 0.9) + epoch(3, [9.0]))
    write(tmp_path, epoch(2, [1.0, 1.0], 0.2), start='20240102_000000')
    run = read_run(tmp_path, METRIC)
    assert run.loss == ((1, 3.0), (2, 1.0))
    assert run.metric == ((1, 0.1), (2, 0.2))


def test_a_new_run_in_the_same_directory_replaces_the_old_one(tmp_path):
    write(tmp_path, epoch(1, [4.0, 2.0], 0.1) + epoch(2, [2.0, 2.0], 0.9))
    write(tmp_path, epoch(1, [8.0, 6.0], 0.3), start='20240102_000000')
    run = read_run(tmp_path, METRIC)
    assert (run.loss, run.metric) == (((1, 7.0),), ((1, 0.3),))


def test_runs_without_epochs_count_iterations(tmp_path):
    records = [dict(loss=float(s), step=s) for s in (10, 20, 30)]
    write(tmp_path, [*records, {'mIoU': 60.0, 'step': 30}])
    run = read_run(tmp_path, 'mIoU')
    assert run.unit == 'iteration'
    assert (run.loss, run.metric) == (((10, 10), (20, 20), (30, 30)), ((30, 60),))
    with pytest.raises(ValueError, match='all count epochs or all iterations.*a: epoch'):
        draw_curves([run, Run('a', ((1, 1),), ((1, 1),))], 'mIoU')


def test_the_last_line_of_a_killed_run_is_left_out(tmp_path):
    write(tmp_path / 'a', epoch(1, [1.0], 0.1), end='\n{"loss": 0.')
    assert read_run(tmp_path / 'a', METRIC).loss == ((1, 1.0),)
    damaged = write(tmp_path / 'b', [], end='{"loss": 0.\n{"loss": 1}')
    with pytest.raises(ValueError, match=r'Line 1 of .*scalars\.json.*"loss": 0\.'):
        read_run(damaged, METRIC)


def test_what_holds_no_curve_is_refused(tmp_path):
    with pytest.raises(ValueError, match='nowhere.*work directory of a training'):
        read_run(tmp_path / 'nowhere', METRIC)
    folder = write(tmp_path, epoch(1, [1.0], 0.1))
    with pytest.raises(ValueError, match="metric 'mIoU'; it holds coco/bbox_mAP"):
        read_run(folder, 'mIoU')
    with pytest.raises(ValueError, match='no validation yet'):
        read_run(write(tmp_path / 'x', epoch(1, [1.0])), METRIC)


def test_loss_above_metric_below_and_a_line_per_label():
    one = Run('a', ((1, 4.0), (2, 2.0)), ((1, 0.1), (2, 0.3)))
    two = Run('a', ((1, 2.0), (2, 2.0), (3, 1.0)), ((1, 0.2), (2, 0.4), (3, 0.4)))
    upper, lower = draw_curves([one, Run('b', one.loss, one.metric), two], METRIC).axes
    assert (upper.get_ylabel(), lower.get_ylabel()) == ('training loss', f'val {METRIC}')
    assert [t.get_text() for t in upper.get_legend().get_texts()] == ['a', 'b']
    assert [t.get_text() for t in lower.get_legend().get_texts()] == ['0.350', '0.300']
    bold = [line for line in upper.lines if line.get_linewidth() == 2]
    assert [list(line.get_ydata()) for line in bold] == [[3, 2], [4, 2]]
    assert len(upper.lines) == 4 and bold[0].get_color() != bold[1].get_color()
    with pytest.raises(ValueError, match='at least one'):
        draw_curves([], METRIC)
