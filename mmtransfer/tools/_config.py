"""The config that a tool works on, read and changed as its command line says."""

import os
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmtransfer.tools._errors import UserError
from mmtransfer.tools._options import change

if TYPE_CHECKING:
    from mmengine.config import Config

PACKAGE = Path(__file__).resolve().parents[1]
_READERS = ('_file2dict', '_parse_lazy_import', '_is_lazy_import')  # MMEngine's, one call per file


class ConfigError(UserError):
    """A config that cannot be read, or is not one that the tool works on."""


def read_config(path: str | os.PathLike, options: Sequence[str] = ()) -> 'Config':
    """A config of a model with some settings changed, the remedies for the stack applied before.

    Args:
        path: Of the config.
        options: Each ``KEY=VALUE``, with dots between the parts of the key.

    Raises:
        ConfigError: It cannot be read, or has no model.
        OptionError: An option would change nothing, or does not fit.
    """
    from mmengine.config import Config

    from mmtransfer import compat

    compat.apply()
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a config is a program
        raise ConfigError(_unreadable(str(path), error)) from error
    if not isinstance(cfg.get('model'), Mapping):
        raise ConfigError(
            f"the config must have a model; '{path}' sets "
            f'{", ".join(sorted(cfg.keys())[:8]) or "nothing"}. Is it the base of another config?'
        )
    change(cfg, options)
    return cfg


def is_search(cfg: 'Config') -> bool:
    """Whether the train loop of a config is a search."""
    from mmtransfer.engine.search_loop import SearchLoop
    from mmtransfer.registry import LOOPS, is_a

    return is_a(cfg.get('train_cfg'), SearchLoop, LOOPS, cfg.get('default_scope'))


def check_backbone(cfg: 'Config') -> None:
    """Raise ConfigError unless the model of a config has a backbone, of ours if it is wrapped."""
    from mmtransfer.cost.config import own_backbone_configs

    if isinstance(cfg.model.get('backbone'), Mapping):
        return
    if not own_backbone_configs(cfg.model, cfg.get('default_scope')):
        parts = ', '.join(sorted(set(cfg.model) - {'type'})) or 'nothing'
        raise ConfigError(
            f"the model of '{cfg.filename}' must have a backbone; it is a "
            f'{cfg.model.get("type")!r} of {parts}.'
        )


def check_search(cfg: 'Config') -> None:
    """Raise ConfigError unless a config is of a search: by its train loop and its backbone."""
    from mmtransfer.cost.config import own_backbone_configs
    from mmtransfer.registry import MODELS, named_type

    kind = (cfg.get('train_cfg') or {}).get('type')
    if not is_search(cfg):
        raise ConfigError(
            f"the config must be of a search, with train_cfg.type 'mmtransfer.SearchLoop' or "
            f"'mmtransfer.GreedyBlockSearchLoop'; received {kind!r} in '{cfg.filename}'. Give a "
            f'config like *_search*.py. For a supernet that was trained on the source, give one '
            f"that inherits the training's and sets train_cfg to a GreedyBlockSearchLoop with "
            f'images in split.arch that the training has not seen, as '
            f'configs/block_allocation/classifier_r50_greedy.py does.'
        )
    check_backbone(cfg)
    scope = cfg.get('default_scope')
    own = own_backbone_configs(cfg.model, scope) or {'model.backbone': cfg.model.get('backbone')}
    for key, backbone in own.items():
        if not hasattr(named_type(backbone, MODELS, scope), 'architecture_parameters'):
            raise ConfigError(
                f'{key} of a search must be a supernet, such as mmtransfer.FNASupernet; received '
                f"{backbone.get('type')!r} in '{cfg.filename}'."
            )


def check_schedule(cfg: 'Config') -> None:
    """Raise ConfigError for a train_cfg with which a run could not begin, or would end nowhere."""
    from mmtransfer.hooks.checks.ranges import RangeError, check_ranges

    try:
        check_ranges(cfg.get('train_cfg') or {})
    except RangeError as error:
        raise ConfigError(f"'{cfg.filename}': {error}") from error


def _unreadable(path: str, error: Exception) -> str:
    """Which file of the inheritance could not be read, at which line, and why."""
    frames = list(traceback.walk_tb(error.__traceback__))
    read = [path] + [
        str(f.f_locals['filename'])
        for f, _ in frames
        if f.f_code.co_name in _READERS and 'filename' in f.f_locals
    ]
    files = list(dict.fromkeys(map(os.path.abspath, read)))
    if isinstance(error, FileNotFoundError) and len(files) > 1:
        return f"'{files[-2]}' names a _base_ that does not exist: '{files[-1]}'"
    if isinstance(error, SyntaxError):
        line, text = error.lineno, f'{error.msg}: {(error.text or "").strip()}'
    else:
        lines = [n for f, n in frames if f.f_code.co_filename in (read[-1], files[-1])]
        line, text = lines[-1] if lines else None, f'{type(error).__name__}: {error}'
    where = f"'{files[-1]}'" + (f', line {line}' if line else '')
    return f'the config cannot be read: {where}: {text}'
