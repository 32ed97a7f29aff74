"""What evaluators report, to its last digit."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from mmengine.evaluator import BaseMetric
from torch import nn

_TOOLBOXES = ('mmdet', 'mmseg', 'mmpose')


def of_toolbox(metric: BaseMetric) -> bool:
    """Whether a metric is one of mmdet, mmseg or mmpose."""
    return type(metric).__module__.partition('.')[0] in _TOOLBOXES


class _Exact:
    """A module whose functions that round return what they are given."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    @staticmethod
    def round(value: Any, *_: Any, **__: Any) -> Any:
        return value

    around = round


@contextmanager
def unrounded(metrics: Iterable[BaseMetric]) -> Iterator[None]:
    """Inside, metrics of the toolboxes report what they have computed.

    mmdet rounds an average precision to three digits, mmseg an IoU to a hundredth of a percent, and
    neither has an option for it: candidates that differ would be equals. So ``round`` and NumPy are
    exchanged, in the modules of these metrics alone.

    Args:
        metrics: Those that evaluate inside.
    """
    names = {kind.__module__ for metric in metrics for kind in type(metric).__mro__}
    own = [sys.modules[n] for n in names if n.partition('.')[0] in _TOOLBOXES]
    numpy = {module: module.np for module in own if hasattr(module, 'np')}
    for module in own:
        vars(module)['round'] = _Exact.round
    for module, np in numpy.items():
        vars(module)['np'] = _Exact(np)
    try:
        yield
    finally:
        for module in own:
            del vars(module)['round']
        for module, np in numpy.items():
            vars(module)['np'] = np


@contextmanager
def every_prediction(model: nn.Module) -> Iterator[None]:
    """Inside, a detector leaves nothing out for its low score: before it is trained, all would be.

    Args:
        model: Its modules' ``test_cfg`` may hold ``score_thr``, at any depth.
    """
    lowered: list[tuple[Any, float]] = []

    def lower(settings: Any) -> None:
        if isinstance(settings, dict):
            if 'score_thr' in settings:
                lowered.append((settings, settings['score_thr']))
                settings['score_thr'] = 0.0
            for inner in settings.values():
                lower(inner)

    for module in model.modules():
        lower(getattr(module, 'test_cfg', None))
    try:
        yield
    finally:
        for settings, threshold in reversed(lowered):
            settings['score_thr'] = threshold
