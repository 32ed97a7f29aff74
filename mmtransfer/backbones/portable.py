"""Configs that need no other file: the architecture itself in place of the file that holds it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from mmengine.config import Config

from mmtransfer.architecture import Architecture
from mmtransfer.backbones import AdaptedBackbone
from mmtransfer.registry import MODELS, is_a
from mmtransfer.seeds import SEEDS
from mmtransfer.spaces import read_architecture


def embed_architectures(cfg: Config) -> bool:
    """Put the content of every architecture file into a config, in place.

    So the config that a run dumps beside its checkpoints, and the one inside of them, build the
    model from any folder, and after the file has changed or gone.

    Args:
        cfg: Of a run.

    Returns:
        Whether there was one.
    """
    found = _replaced(cfg.get('model'), _content)
    changed = found != cfg.get('model')
    if changed:
        cfg.model = found
    return changed


def identified(part: Any) -> Any:
    """A part of a config with what makes two architectures equal in place of each one.

    A file and its content, or two files that differ in what is noted beside the options, are so the
    same.
    """
    return _replaced(part, _identity)


def _replaced(value: Any, change: Callable[[Architecture], Any]) -> Any:
    """A copy with the architectures changed that an ``AdaptedBackbone`` reads, seeds left alone."""
    if isinstance(value, dict):
        # What a config of pure Python imports stays as it stands there, so that it can be dumped.
        copy = type(value)((k, _replaced(v, change)) for k, v in dict.items(value))
        given: Any = copy.get('architecture')
        if _is_read(given) and is_a(copy, AdaptedBackbone, MODELS):
            copy['architecture'] = change(read_architecture(given))
        return copy
    if isinstance(value, list | tuple):
        return type(value)(_replaced(v, change) for v in value)
    return value


def _is_read(given: Any) -> bool:
    if isinstance(given, str):
        return given.partition(':')[0] not in SEEDS
    return isinstance(given, Mapping)


def _content(architecture: Architecture) -> dict[str, Any]:
    return json.loads(architecture.to_json())


def _identity(architecture: Architecture) -> list[Any]:
    return [architecture.space, architecture.fingerprint, list(architecture.options)]
