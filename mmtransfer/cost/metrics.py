"""What a search may count: the metrics, how their values are shown, and the table of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmtransfer.cost.latency import LatencyTableError, read_latency
from mmtransfer.cost.table import CostTable, cost_table
from mmtransfer.space import SearchSpace


@dataclass(frozen=True)
class Unit:
    """How the costs of a metric are shown.

    Args:
        key: The cost's name in an architecture file.
        suffix: Ends the names in a log, after ``expected_cost_`` and ``derived_cost_``.
        scale: The suffix's size in the table's own unit.
        text: How a cost reads; takes the number.
    """

    key: str
    suffix: str
    scale: float
    text: str


UNITS = {
    'madds': Unit('madds', 'G', 1e9, '{:,.0f} multiply-adds'),
    'params': Unit('params', 'M', 1e6, '{:,.0f} parameters'),
    'latency': Unit('latency_ms', 'ms', 1.0, '{:,.4g} ms'),
}


# Fields of a stamp that a config does not ask for.
_OF_THE_SEARCH = ('input_size', 'output_stride', 'in_channels', 'fingerprint')


def say(metric: str, cost: float) -> str:
    """A cost in words: ``'4,847,148,800 multiply-adds'``, ``'12.34 ms'``."""
    return UNITS[metric].text.format(cost)


def table_for(
    train_cfg: Mapping[str, Any],
    space: SearchSpace,
    output_stride: int = 32,
    in_channels: int = 3,
) -> CostTable:
    """The cost table that a search config asks for.

    Args:
        train_cfg: Of the search config. ``metric`` is ``'madds'`` (the default), ``'params'`` or
            ``'latency'``; ``input_size`` is (H, W); ``latency_table``, for latency alone, is the
            path of a file of ``tools/measure_latency.py``, or ``dict(file=PATH, **stamp)`` for
            another stamp than batch 1 in float32 on any number of threads in either memory layout.
        space: The space that is searched.
        output_stride: Of the supernet.
        in_channels: Of the images that it reads.

    Raises:
        ValueError: An unknown metric, or a latency table where none belongs.
        LatencyTableError: There is no latency table, or it does not hold here.
    """
    metric, source = train_cfg.get('metric', 'madds'), train_cfg.get('latency_table')
    size = (int(train_cfg['input_size'][0]), int(train_cfg['input_size'][1]))
    if metric not in UNITS:
        raise ValueError(f'metric must be one of {", ".join(UNITS)}; received {metric!r}')
    if metric != 'latency':
        if source is not None:
            raise ValueError(
                f"latency_table is for metric='latency'; received {source!r} with metric "
                f'{metric!r}. Leave it out, or set the metric.'
            )
        return cost_table(space, size, metric, output_stride, in_channels)
    if source is None:
        raise LatencyTableError(
            "metric='latency' needs latency_table=FILE in train_cfg; received none. Measure one on "
            'the device that counts: `python tools/measure_latency.py CONFIG -o FILE`.'
        )
    asked = {'file': source} if not isinstance(source, Mapping) else dict(source)
    path = asked.pop('file', None)
    if path is None:
        raise LatencyTableError(
            f'latency_table must be a path, or dict(file=PATH, **stamp); received {source!r}.'
        )
    given = [name for name in _OF_THE_SEARCH if name in asked]
    if given:
        raise LatencyTableError(
            f'latency_table may not ask for {", ".join(given)}: the table must have those of the '
            f'search. Leave it out of {source!r}.'
        )
    fixed = dict(input_size=size, output_stride=output_stride, in_channels=in_channels)
    stamp = {'dtype': 'float32', 'batch': 1, **asked}
    return read_latency(path, space, **fixed, **stamp)[0]
