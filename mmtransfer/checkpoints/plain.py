"""The plain data that a checkpoint may hold beside tensors. What is not listed here is refused.

Reading happens with torch's ``weights_only``: names in a file are looked up in a table, never
imported. Nothing in the table runs anything; where a type would, or where torch cannot fill it, a
stand-in of plain data comes back instead (a dict for a defaultdict, a pure path for a path).
"""

import argparse
import datetime
import decimal
import fractions
import importlib
import pathlib
import pickle
import threading
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

_one_at_a_time = threading.RLock()

Allowed = Callable | tuple[Callable, str]

# Numbers, booleans, text, bytes and times; no objects ('O') and no structures ('V').
_DTYPES = 'f2 f4 f8 g c8 c16 i1 i2 i4 i8 u1 u2 u4 u8 ? U1 S1 M8 m8'.split()


def written_by_mmengine() -> list[Allowed]:
    """What MMEngine's Runner writes: log buffers, NumPy arrays and scalars."""
    return [*_history_buffer(), *_numpy()]


def plain_data() -> list[Allowed]:
    """All that may be read: what MMEngine writes, and the plain data that other trainers write."""
    return [*written_by_mmengine(), *_builtins(), *_containers(), *_values()]


def register_for_mmengine() -> None:
    """Let every ``torch.load`` of the process read what MMEngine's Runner writes."""
    if hasattr(torch.serialization, 'add_safe_globals'):
        torch.serialization.add_safe_globals(written_by_mmengine())


@contextmanager
def plain_data_allowed() -> Iterator[None]:
    """Let ``torch.load(weights_only=True)`` read all plain data inside a ``with``."""
    if not hasattr(torch.serialization, 'add_safe_globals'):
        yield
        return
    with _one_at_a_time:  # the table is the process's: a thread that leaves would empty it
        register_for_mmengine()
        known = torch.serialization.get_safe_globals()
        with torch.serialization.safe_globals([g for g in plain_data() if g not in known]):
            yield


def allowed_names() -> set[str]:
    """The names in a pickle that ``plain_data`` and torch itself allow."""
    ours = (g[1] if isinstance(g, tuple) else f'{g.__module__}.{g.__qualname__}'
            for g in plain_data())  # fmt: skip
    return {*ours, *torch._weights_only_unpickler._get_allowed_globals()}


def _history_buffer() -> list[Allowed]:
    try:
        from mmengine.logging.history_buffer import HistoryBuffer
    except ImportError:  # then nothing of its can be in a file that is read here
        return []
    _HISTORY_BUFFERS.add(HistoryBuffer)
    return [HistoryBuffer, (_getattr, 'builtins.getattr')]


_HISTORY_BUFFERS: set[type] = set()


def _getattr(obj: object, name: str) -> object:
    """Stands in for ``builtins.getattr`` in checkpoints: HistoryBuffer's methods only."""
    known = any(obj is buffer for buffer in _HISTORY_BUFFERS)
    if known and name in ('min', 'max', 'mean', 'current'):
        return getattr(obj, name)
    raise pickle.UnpicklingError(f'refused to unpickle getattr({obj!r}, {name!r})')


def _numpy() -> list[Allowed]:
    try:
        multiarray: Any = importlib.import_module('numpy._core.multiarray')
    except ImportError:
        multiarray = importlib.import_module('numpy.core.multiarray')
    found: list[Allowed] = [np.ndarray, np.dtype]
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        found.append((multiarray.scalar, f'{module}.scalar'))
        found.append((multiarray._reconstruct, f'{module}._reconstruct'))
    return [*found, *(type(np.dtype(kind)) for kind in _DTYPES)]


def _builtins() -> list[Allowed]:
    """Types without which containers do not come back, such as a defaultdict's factory."""
    kinds = (bool, bytes, dict, float, frozenset, int, list, object, range, slice, str, tuple)
    return [(kind, f'builtins.{kind.__name__}') for kind in kinds]


def _containers() -> list[Allowed]:
    names = ('collections.defaultdict', 'mmengine.config.config.ConfigDict', 'addict.addict.Dict')
    return [
        argparse.Namespace,
        types.SimpleNamespace,
        *((_dict, name) for name in names),
        (_list, 'collections.deque'),
    ]


def _values() -> list[Allowed]:
    pure = dict(
        PosixPath=pathlib.PurePosixPath,
        PurePosixPath=pathlib.PurePosixPath,
        WindowsPath=pathlib.PureWindowsPath,
        PureWindowsPath=pathlib.PureWindowsPath,
    )
    paths = [(kind, f'pathlib.{name}') for name, kind in pure.items()]
    newer = [(kind, f'pathlib._local.{name}') for name, kind in pure.items()]  # Python 3.13
    times = ('date', 'datetime', 'time', 'timedelta', 'timezone')
    return [
        *paths,
        *newer,
        *(getattr(datetime, name) for name in times),
        decimal.Decimal,
        fractions.Fraction,
    ]


def _dict(content: Any = (), *others: Any) -> dict:
    """A plain dict, for mappings of other types: their items, without a factory."""
    return dict(content) if isinstance(content, Mapping) else {}


def _list(content: Iterable = (), *others: Any) -> list:
    """A plain list, for a deque: its items, without a greatest length."""
    return list(content)
