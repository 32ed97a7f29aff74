"""Numbers of a train_cfg with which a run could not begin, or would end nowhere."""

from collections.abc import Mapping, Sequence
from typing import Any

_FROM_ONE = ('max_epochs', 'max_iters', 'val_interval')


class RangeError(ValueError):
    """A number of a train_cfg that is out of its range."""


def check_ranges(train_cfg: Mapping[str, Any]) -> None:
    """Refuse lengths, intervals and sizes below 1, and architecture steps that never begin.

    MMEngine would divide by such an interval at the end of the first epoch.

    Args:
        train_cfg: Of any training; what it leaves out is left to its loop.

    Raises:
        RangeError: Names the key and its range.
    """
    for key in _FROM_ONE:
        value = train_cfg.get(key)
        if value is not None and not (isinstance(value, int) and value >= 1):
            raise RangeError(
                f'train_cfg.{key} must be a whole number of at least 1; received {value!r}.'
            )
    size = train_cfg.get('input_size')
    if size is not None and not _is_size(size):
        raise RangeError(
            f'train_cfg.input_size must be (height, width) in pixels, both whole numbers of at '
            f'least 1; received {size!r}.'
        )
    begin, end = arch_begin_of(train_cfg), train_cfg.get('max_epochs')
    if begin is not None and end is not None and begin >= end:
        raise RangeError(
            f'train_cfg.arch_begin must lie before train_cfg.max_epochs, or no architecture is '
            f'ever learned; received {begin} and {end}.'
        )


def arch_begin_of(train_cfg: Mapping[str, Any]) -> Any:
    """The epoch in which architecture steps begin, of the searcher or beside it; None: never."""
    return train_cfg.get('arch_begin') or (train_cfg.get('searcher') or {}).get('arch_begin')


def _is_size(value: Any) -> bool:
    pair = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
    return pair and all(isinstance(side, int) and side >= 1 for side in value)
