"""``--cfg-options``: settings of a config changed from the command line; one that nobody would read
is refused.

A config is a program whose variables are used up when it has run: a new ``data_root`` changes no
path that was made from the old one. What a run reads lies below the keys of MMEngine's runner.
"""

import argparse
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmtransfer.tools._errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

# Top-level keys that MMEngine reads.
READ = frozenset(
    'model work_dir train_dataloader val_dataloader test_dataloader train_cfg val_cfg test_cfg '
    'auto_scale_lr optim_wrapper param_scheduler val_evaluator test_evaluator default_hooks '
    'custom_hooks data_preprocessor load_from resume launcher env_cfg log_processor log_level '
    'visualizer default_scope randomness experiment_name model_wrapper_cfg sync_bn compile '
    'find_unused_parameters activation_checkpointing efficient_conv_bn_eval tta_model'.split()
)
_SHOWN = 6  # suggestions


class OptionError(UserError):
    """An option that does not fit the config, or that nobody would read."""


def change(cfg: 'Config', options: Sequence[str]) -> None:
    """Change settings of a config in place.

    Args:
        cfg: As its file made it.
        options: Each ``KEY=VALUE``, with dots between the parts of the key.

    Raises:
        OptionError: An option would change nothing, or does not fit.
    """
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser()
    parser.add_argument('--options', nargs='+', action=DictAction)
    for text in options:
        check_read(cfg, text.partition('=')[0])
        try:
            cfg.merge_from_dict(parser.parse_args(['--options', text]).options)
        except (KeyError, TypeError, IndexError, ValueError, AssertionError) as error:
            detail = error.args[0] if error.args else error
            raise OptionError(f'--cfg-options {text} does not fit the config: {detail}') from error


def check_read(cfg: 'Config', key: str) -> None:
    """Raise OptionError unless something reads a key of a config.

    Args:
        cfg: As its file made it.
        key: Dotted.
    """
    top, *rest = key.split('.')
    if top in READ and not _overruled(cfg, top):
        return
    if top not in cfg:
        found = [k for k, _ in settings(cfg) if k.rpartition('.')[2] == (rest or [top])[-1]]
        found += difflib.get_close_matches(top, READ, 1)
        raise OptionError(
            f'--cfg-options {key}: nothing reads it, because the config has no {top!r}. '
            + (f'Did you mean {_some(found)}?' if found else 'A run reads what lies below '
               f'{_some(sorted(k for k in cfg if k in READ))}.')
        )  # fmt: skip
    below = ''.join(f'.{part}' for part in rest)
    found = [key + below for key in holders(cfg, top, cfg[top])]
    if not found and rest and rest[0] in READ:  # what a base keeps for its heirs to take over
        found = ['.'.join(rest)]
    raise OptionError(
        f'--cfg-options {key} would change nothing: the config has used its variable {top!r} up '
        f'when it was read. '
        + (f'Set instead: {_some(found)}.' if found else 'No setting has its '
           'value now.')
        + ' Or write a config that inherits this one and sets them.'
    )  # fmt: skip


def holders(cfg: 'Config', name: str, value: Any) -> list[str]:
    """The dotted keys of the settings that have the value of a variable, or hold it in a text.

    Numbers that stand for themselves alone, such as 2, are found under the variable's name only.
    """
    telling = (
        bool(value) if isinstance(value, str | list | tuple | Mapping)
        else isinstance(value, int | float) and abs(value) >= 1000
    )  # fmt: skip
    found: list[str] = []
    for key, held in settings(cfg):
        if any(key.startswith(f'{k}.') for k in found):
            continue
        if _holds(_plain(held), _plain(value)) and (telling or key.rpartition('.')[2] == name):
            found.append(key)
    return found


def settings(cfg: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Dotted key and value of every setting that a run reads, the outer ones first."""
    for top in cfg:
        if top in READ and not _overruled(cfg, top):
            yield from _below(top, cfg[top])


def _below(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    yield key, value
    inner: Any = ()
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    for name, part in inner:
        yield from _below(f'{key}.{name}', part)


def _holds(held: Any, value: Any) -> bool:
    """Whether a setting is the value, or a text or a part that was made from it."""
    if isinstance(value, str) and isinstance(held, str):
        return value in held
    if isinstance(value, dict) and isinstance(held, dict):
        return all(k in held and held[k] == v for k, v in value.items())
    return held == value


def _plain(value: Any) -> Any:
    """Lists where a config may have tuples; the keys that steer MMEngine's reading left out."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if k not in ('_scope_', '_delete_')}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _overruled(cfg: Mapping[str, Any], top: str) -> bool:
    """Whether the runner reads a key of its own only where there is no other one."""
    return (
        top == 'data_preprocessor' and 'data_preprocessor' in (cfg.get('model') or {})
        or top == 'find_unused_parameters' and cfg.get('model_wrapper_cfg') is not None
    )  # fmt: skip


def _some(keys: Sequence[str]) -> str:
    more = f' and {len(keys) - _SHOWN} more' if len(keys) > _SHOWN else ''
    return ', '.join(keys[:_SHOWN]) + more
