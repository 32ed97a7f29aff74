"""Curves of trainings, read from their logs and drawn in the manner of FNA++'s Fig. 7."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmtransfer.report.style import COLOURS, LEGEND, new_figure, tidy

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Run:
    """What a training logged.

    Args:
        label: Its name in the legend; runs of one label are repetitions.
        loss: (x, training loss), the mean over each epoch; over each log interval in a run without
            epochs.
        metric: (x, validation metric).
        unit: What x counts: ``'epoch'`` or ``'iteration'``.
    """

    label: str
    loss: Points
    metric: Points
    unit: str = 'epoch'


def read_run(work_dir: str | os.PathLike, metric: str, label: str | None = None) -> Run:
    """Loss and metric of a training, also of one that was stopped and resumed.

    Args:
        work_dir: Work directory of the training; the logs are in
            ``<time of its start>/vis_data/scalars.json``.
        metric: Name of the validation metric, such as ``'coco/bbox_mAP'``.
        label: Default: the name of the directory.

    Raises:
        ValueError: There is no such log, it is damaged, or it does not hold the metric.
    """
    folder = Path(work_dir)
    files = sorted(folder.glob('*/vis_data/scalars.json')) or [folder / 'vis_data/scalars.json']
    training: list[dict[str, Any]] = []
    validation: list[dict[str, Any]] = []
    for file in files:
        records = list(_records(file))
        began = [r for r in records if 'loss' in r]
        if began:  # what an earlier start logged from here on was lost when it stopped
            step, x = began[0]['step'], began[0].get('epoch', began[0]['step'])
            training = [r for r in training if r['step'] < step]
            validation = [r for r in validation if r['step'] < x]
        training += began
        validation += [r for r in records if 'loss' not in r and 'step' in r]
    if not training:
        raise ValueError(
            f"'{folder}' must be the work directory of a training, with training losses in "
            '<time>/vis_data/scalars.json; there is none. Check the path, or wait for '
            "the training's first log line."
        )
    points = {r['step']: float(r[metric]) for r in validation if metric in r}
    if not points:
        known = sorted({k for r in validation for k in r if '/' in k and not k.startswith('prob/')})
        raise ValueError(
            f"The log of '{folder}' must hold the metric '{metric}'; it holds "
            f'{", ".join(known) or "no validation yet"}. Choose one of them.'
        )
    by_x: dict[float, list[float]] = {}
    for record in training:
        by_x.setdefault(record.get('epoch', record['step']), []).append(float(record['loss']))
    return Run(
        label or folder.resolve().name,
        tuple((x, mean(losses)) for x, losses in sorted(by_x.items())),
        tuple(sorted(points.items())),
        'epoch' if 'epoch' in training[0] else 'iteration',
    )


def draw_curves(runs: Sequence[Run], metric: str) -> Figure:
    """Training loss above, validation metric below, a line per label.

    Runs of one label share a colour: thin lines, and the bold mean of all at the places that they
    have in common.

    Args:
        runs: At least one; all count in the same unit.
        metric: Name of the metric, for its axis.

    Returns:
        A matplotlib figure that belongs to no window.

    Raises:
        ValueError: No runs, or epochs and iterations mixed.
    """
    units = {run.unit for run in runs}
    if len(units) != 1:
        raise ValueError(
            'Curves share one axis: the runs must all count epochs or all iterations, and there '
            f'must be at least one; received {", ".join(f"{r.label}: {r.unit}" for r in runs)}.'
        )
    figure = new_figure(7.2, 6.6)
    upper, lower = figure.subplots(2, 1, sharex=True)
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.label, []).append(run)
    for i, (label, group) in enumerate(groups.items()):
        colour = COLOURS[i % len(COLOURS)]
        _lines(upper, [r.loss for r in group], colour, label)
        _lines(lower, [r.metric for r in group], colour, None)
    tidy(upper, y='training loss')
    tidy(lower, units.pop(), f'val {metric}')
    upper.legend(loc='upper right', **LEGEND)
    lower.legend(loc='lower right', title='at the end', **LEGEND)
    return figure


def _lines(axes: Axes, curves: Sequence[Points], colour: str, label: str | None) -> None:
    """Draw repetitions and their mean; without a label, its last value stands in the legend."""
    values = [dict(points) for points in curves]
    common = sorted(set.intersection(*(set(v) for v in values)))
    if len(curves) > 1:
        for points in curves:
            axes.plot(*zip(*points, strict=True), color=colour, lw=0.8, alpha=0.35)
    means = [mean(v[x] for v in values) for x in common]
    text = label or (f'{means[-1]:#.3g}' if means else '-')
    axes.plot(
        common, means, color=colour, lw=2, label=text, marker='o' if len(common) == 1 else None
    )


def _records(file: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log; one that a stopped run did not finish is left out."""
    lines = file.read_text().splitlines() if file.is_file() else []
    for number, line in enumerate(lines, 1):
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise ValueError(
                    f"Line {number} of '{file}' must be a JSON record; received {line[:60]!r}. "
                    'Remove the damaged line.'
                ) from error
