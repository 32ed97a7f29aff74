"""What a run must share with its continuation, in a few digits for every part of its config."""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from mmtransfer.backbones.portable import identified

# What may change between a run and its continuation.
_FREE = {
    'train_cfg': (
        *('max_epochs', 'max_iters', 'val_begin', 'val_interval', 'dynamic_intervals'),
        *('evaluation', 'shared_evaluation'),  # scores say themselves what they follow from
    ),
    'train_dataloader': ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor'),
}
_PARTS = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler')
_PATH = re.compile(r'[A-Za-z_]\w*(\.[A-Za-z_]\w*){2,}')


def config_digests(cfg: Any) -> dict[str, str]:
    """One digest per part of a config that a continuation must share.

    Of an architecture only what makes it another one counts, not the file that it is read from; of
    a class or a function, which it is, and not whether the config has it or its path.
    """
    return _digests(lambda part: identified(cfg.get(part)), digest)


def former_digests(value_of: Callable[[str], Any]) -> dict[str, str]:
    """The same as checkpoints have it from when a class and its path were told apart.

    Args:
        value_of: Name of a part -> its value.
    """
    return _digests(value_of, lambda config: _hashed(config, _spelled))


def _digests(value_of: Callable[[str], Any], digested: Callable[[Any], str]) -> dict[str, str]:
    digests = {}
    for part in _PARTS:
        value = value_of(part)
        value = dict(value) if isinstance(value, dict) else {'': value}
        free = _FREE.get(part, ())
        if part == 'train_cfg' and not _has_arch_steps(value):
            free = (*free, 'searcher')  # it asks for candidates when the weights are trained
        digests[part] = digested({k: v for k, v in value.items() if k not in free})
    return digests


def _has_arch_steps(train_cfg: Mapping[str, Any]) -> bool:
    searcher = train_cfg.get('searcher') or {}
    return any(given.get('arch_begin') is not None for given in (train_cfg, searcher))


def digest(config: Any) -> str:
    """16 hexadecimal digits that follow from a part of a config."""
    return _hashed(_named(config), str)


def _hashed(config: Any, spelled: Callable[[Any], str]) -> str:
    """``spelled`` writes the values that JSON does not have."""
    text = json.dumps(config, sort_keys=True, default=spelled)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _named(value: Any) -> Any:
    """A part of a config with classes and functions by where they are defined: a config of pure
    Python holds them, the config that a run dumps a path by which they can be imported."""
    if isinstance(value, Mapping):
        return {k: _named(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_named(v) for v in value]
    found = _at(value) if isinstance(value, str) and _PATH.fullmatch(value) else value
    if callable(found) and hasattr(found, '__qualname__'):
        return f'{found.__module__}.{found.__qualname__}'
    return value


def _at(path: str) -> Any:
    """What lies at a path in the modules that are there; nothing is imported for a mere text."""
    place, _, name = path.rpartition('.')
    return getattr(sys.modules.get(place), name, None)


def _spelled(value: Any) -> str:
    """A value that JSON does not have. The text of a function would say where in memory it lies."""
    named = callable(value) and not isinstance(value, type) and hasattr(value, '__qualname__')
    return f'{value.__module__}.{value.__qualname__}' if named else str(value)
