"""The file of a latency table: forward times of every option, and where they were measured.

Times hold for one machine, so the file carries a stamp, and a table whose stamp differs from what
is asked for is refused rather than used. Times are milliseconds throughout: in the file, in the
table and in a search's target.
"""

import dataclasses
import json
import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mmtransfer.cost.additive import AdditiveTable
from mmtransfer.cost.formulas import Size
from mmtransfer.cost.joint import JointTable
from mmtransfer.files import write_atomically
from mmtransfer.seeds import SKIP
from mmtransfer.space import SearchSpace
from mmtransfer.spaces import record_of

MeasuredTable = AdditiveTable | JointTable

FORMAT = 1
_KEYS = ('format', 'unit', 'stamp', 'fixed', 'entries')
# Fields of a stamp that a config does not ask for.
_OF_THE_SEARCH = ('input_size', 'output_stride', 'in_channels', 'fingerprint')


class LatencyTableError(ValueError):
    """A latency table that is missing, is broken, or was measured under other conditions."""


@dataclass(frozen=True)
class Stamp:
    """The conditions of a measurement.

    Args:
        device: ``'cpu'`` or ``'cuda'``.
        device_name: Of the processor or the graphics card.
        torch: Version of PyTorch.
        threads: Threads of PyTorch's operators on the CPU.
        dtype: Of weights and images, such as ``'float32'``.
        batch: Images per forward pass.
        input_size: (H, W) of the images.
        output_stride: Of the backbone.
        channels_last: The memory layout of weights and images.
        fingerprint: Of the search space.
        in_channels: Of the images; a file that does not say was measured on RGB.
    """

    device: str
    device_name: str
    torch: str
    threads: int
    dtype: str
    batch: int
    input_size: Size
    output_stride: int
    channels_last: bool
    fingerprint: str
    in_channels: int = 3


def device_name(device: str) -> str:
    """Name of this machine's processor (``'cpu'``) or graphics card (``'cuda'``).

    ``'none'`` where there is no graphics card.
    """
    if device == 'cuda':
        return torch.cuda.get_device_name() if torch.cuda.is_available() else 'none'
    cpuinfo = Path('/proc/cpuinfo')
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    named = [line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')]
    return named[0] if named else platform.processor() or platform.machine()


def stamp_here(
    space: SearchSpace,
    input_size: Size,
    device: str = 'cpu',
    dtype: str = 'float32',
    batch: int = 1,
    output_stride: int = 32,
    channels_last: bool = False,
    in_channels: int = 3,
) -> Stamp:
    """The stamp of a measurement made now in this process."""
    return Stamp(
        device,
        device_name(device),
        str(torch.__version__),
        torch.get_num_threads(),
        dtype,
        batch,
        input_size,
        output_stride,
        channels_last,
        space.fingerprint,
        in_channels,
    )


def latency_table(
    space: SearchSpace,
    input_size: Size,
    fixed: float,
    entries: Mapping[str, Mapping[str, float]],
    output_stride: int = 32,
    in_channels: int = 3,
) -> MeasuredTable:
    """A cost table of milliseconds; the entries are those of ``timed``, in any order."""
    ordered = {n: {o: entries[n][o] for o in options} for n, options in timed(space).items()}
    conditions = (space, input_size, 'latency', fixed)
    kind = JointTable if record_of(space).parts(space) is None else AdditiveTable
    return kind(*conditions, ordered, output_stride, in_channels)


def timed(space: SearchSpace) -> dict[str, tuple[str, ...]]:
    """What a latency table has times of: choice -> its options; where costs do not add up, the
    nodes of the supernet and the op of each."""
    kind = record_of(space)
    if kind.parts(space) is None:
        return {node.name: (node.op.text,) for node in kind.supernet(space).nodes}
    return {choice.name: choice.options for choice in space.choices}


def write_latency(path: str | os.PathLike, table: MeasuredTable, stamp: Stamp) -> None:
    """Write a table and its stamp, whole or not at all.

    Raises:
        LatencyTableError: A time that is not finite and positive.
    """
    check_times(table.space, table.fixed, table.entries, os.fspath(path))
    content = {
        'format': FORMAT,
        'unit': 'ms',
        'stamp': dataclasses.asdict(stamp),
        'fixed': table.fixed,
        'entries': table.entries,
    }
    write_atomically(json.dumps(content, indent=1, allow_nan=False), path)


def read_latency(
    path: str | os.PathLike, space: SearchSpace, /, **wanted: Any
) -> tuple[MeasuredTable, Stamp]:
    """Read a table, provided that it was measured under the conditions of this machine and search.

    The name of the device and the version of PyTorch must be those of this machine, the fingerprint
    that of the space. A table for the CPU may serve a search that runs on a graphics card.

    Args:
        path: Of the file.
        space: The space that is searched.
        **wanted: Further fields of the stamp, and the values that they must have.

    Raises:
        LatencyTableError: There is no such file, its form or its times are wrong, or its stamp
            differs; the message says in which field, and how to measure again.
    """
    text = os.fspath(path)
    content = _content(text)
    stamp = _stamp(content['stamp'], text)
    wanted = {
        'device_name': device_name(stamp.device),
        'torch': str(torch.__version__),
        'fingerprint': space.fingerprint,
        **wanted,
    }
    for name, value in wanted.items():
        if not hasattr(stamp, name):
            raise LatencyTableError(
                f'latency_table may ask for the fields of a stamp, {", ".join(vars(stamp))}; '
                f'received {name!r}.'
            )
        if getattr(stamp, name) != value:
            raise LatencyTableError(
                f'the latency table {text!r} must have been measured with {name} = {value!r}, as '
                f'here; its stamp says {getattr(stamp, name)!r}. {_again(text)}'
            )
    check_times(space, content['fixed'], content['entries'], text)
    table = latency_table(
        space,
        stamp.input_size,
        content['fixed'],
        content['entries'],
        stamp.output_stride,
        stamp.in_channels,
    )
    return table, stamp


def asked_latency(
    space: SearchSpace, input_size: Size, output_stride: int, in_channels: int, source: Any
) -> MeasuredTable:
    """The table of the file that a search config names as ``latency_table``.

    Args:
        space, input_size, output_stride, in_channels: Of the search.
        source: Path of a file of ``tools/measure_latency.py``, or ``dict(file=PATH, **stamp)`` for
            another stamp than batch 1 in float32 on any number of threads in either memory layout.

    Raises:
        LatencyTableError: There is no such table, or it does not hold here.
    """
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
    fixed = dict(input_size=input_size, output_stride=output_stride, in_channels=in_channels)
    stamp = {'dtype': 'float32', 'batch': 1, **asked}
    return read_latency(path, space, **fixed, **stamp)[0]


def check_times(space: SearchSpace, fixed: Any, entries: Any, source: str) -> None:
    """Raise LatencyTableError unless there is one sound time for every option of the space."""
    shape = {name: set(options) for name, options in timed(space).items()}
    if not isinstance(entries, Mapping) or shape != {
        name: set(times) if isinstance(times, Mapping) else None for name, times in entries.items()
    }:
        raise LatencyTableError(
            f'the latency table {source!r} must hold one time per option of every choice '
            f'({", ".join(shape)}); some are missing or unknown. {_again(source)}'
        )
    times = {'fixed': fixed} | {f'{c}/{o}': t for c, row in entries.items() for o, t in row.items()}
    for name, time in times.items():
        number = type(time) in (int, float) and math.isfinite(time)
        if not number or not (time == 0 if name.endswith(f'/{SKIP}') else time > 0):
            raise LatencyTableError(
                f'every time in the latency table {source!r} must be finite and positive (0 for '
                f'{SKIP!r}), in ms; {name} is {time!r}. {_again(source)}'
            )


def _content(path: str) -> dict[str, Any]:
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise LatencyTableError(f'there is no latency table {path!r}. {_again(path)}') from None
    except (OSError, ValueError) as error:
        raise LatencyTableError(
            f'the latency table {path!r} must be a whole JSON file; received: {error}. '
            f'{_again(path)}'
        ) from None
    keys = tuple(content) if isinstance(content, dict) else ()
    if set(keys) != set(_KEYS) or content['format'] != FORMAT or content['unit'] != 'ms':
        raise LatencyTableError(
            f'the latency table {path!r} must be an object with the keys {", ".join(_KEYS)}, of '
            f"format {FORMAT} and unit 'ms'; received the keys {', '.join(keys) or 'none'}. "
            f'{_again(path)}'
        )
    return content


def _stamp(values: Any, path: str) -> Stamp:
    names = [f.name for f in dataclasses.fields(Stamp)]
    if not isinstance(values, dict) or {'in_channels', *values} != set(names):
        raise LatencyTableError(
            f'the stamp of the latency table {path!r} must have the fields {", ".join(names)}; '
            f'received {sorted(values) if isinstance(values, dict) else values!r}. {_again(path)}'
        )
    if values['device'] not in ('cpu', 'cuda'):
        raise LatencyTableError(
            f"the device of a latency table must be 'cpu' or 'cuda'; the stamp of {path!r} says "
            f'{values["device"]!r}. {_again(path)}'
        )
    size = values['input_size']
    return Stamp(**{**values, 'input_size': tuple(size) if isinstance(size, list) else size})


def _again(path: str) -> str:
    return (
        f'Measure again on this device with the config of the search: '
        f'`python tools/measure_latency.py CONFIG -o {path}`.'
    )
