"""Read the file of a checkpoint. Nothing that a file contains is ever executed."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import torch

from mmtransfer.checkpoints.address import fetch, is_mmcls
from mmtransfer.checkpoints.archive import damage, intact_before, is_archive
from mmtransfer.checkpoints.errors import CheckpointError
from mmtransfer.checkpoints.plain import plain_data_allowed
from mmtransfer.checkpoints.refusal import why_refused
from mmtransfer.checkpoints.safetensors import SafetensorsError, is_safetensors, read_safetensors


def read_checkpoint(checkpoint: str | os.PathLike, map_location: Any = 'cpu') -> dict[str, Any]:
    """A checkpoint as it was saved; only tensors and plain data are read.

    Args:
        checkpoint: Whatever ``mmtransfer.checkpoints.address.resolve`` takes. Addresses are
            downloaded once, into torch's hub cache.
        map_location: As of ``torch.load``.

    Raises:
        CheckpointError: It is missing, damaged, no dict, or holds objects that would run code when
            loaded. In each case nothing in it was executed.
    """
    name = os.fspath(checkpoint)
    path = fetch(name)
    try:
        file = open(path, 'rb')
    except OSError as error:
        raise CheckpointError(
            f"'{path}' must be a file that this user may read; {error.strerror}. Change its "
            'permissions, or copy it.'
        ) from error
    with file:
        content = read_file(file, path, map_location)
    return _without_backbone(content) if is_mmcls(name) else content


def read_file(file: BinaryIO, origin: str, map_location: Any = 'cpu') -> dict[str, Any]:
    """The content of an open file; see ``read_checkpoint``.

    Args:
        file: Opened to read bytes; it must be able to seek.
        origin: What to call it in errors; the path of a file that exists, if it is one.
        map_location: As of ``torch.load``.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    beginning = file.read(16)
    if is_archive(beginning) and (broken := damage(file)):
        raise CheckpointError(_damaged(origin, broken))
    file.seek(0)
    try:
        if is_safetensors(beginning, size):
            content: Any = read_safetensors(file)
        else:
            content = _load(file, map_location)
    except SafetensorsError as error:
        raise CheckpointError(_damaged(origin, f'a safetensors file, but {error}')) from None
    except Exception as error:  # torch raises errors of a dozen types for files it cannot read
        file.seek(0)
        refusal = why_refused(file, origin, error)
        detail = ' '.join(str(error).split())[-160:]
        broken = f'{type(error).__name__}{detail and f" ({detail})"}'
        raise CheckpointError(refusal or _damaged(origin, broken)) from error
    if not isinstance(content, dict):
        raise CheckpointError(
            f"'{origin}' must hold a dict: tensors by name, or 'state_dict' with them; received "
            f'{type_name(content)}. Save it as torch.save(model.state_dict(), path).'
        )
    return content


def type_name(value: Any) -> str:
    """The type of a value as a message names it."""
    return f'{type(value).__module__}.{type(value).__qualname__}'.removeprefix('builtins.')


def _load(file: BinaryIO, map_location: Any) -> Any:
    with warnings.catch_warnings(), plain_data_allowed():
        warnings.filterwarnings('ignore', message='Detected pickle protocol')
        return torch.load(file, map_location=map_location, weights_only=True)


def _damaged(origin: str, broken: str) -> str:
    path = Path(origin)
    before = intact_before(path) if path.is_file() else None
    rest = (
        f"The checkpoint before it, '{before}', is intact: use that one (--resume {before})."
        if before
        else 'Download or copy it again, or use another checkpoint of the same run.'
    )
    return (
        f"'{origin}' is damaged, incomplete or no checkpoint of PyTorch: {broken}. Nothing in it "
        f'was executed. {rest}'
    )


def _without_backbone(content: dict[str, Any]) -> dict[str, Any]:
    """What MMEngine makes of a classifier of ``mmcls://``: its backbone alone."""
    state = content.get('state_dict', content)
    prefix = 'backbone.'
    return {'state_dict': {n[len(prefix) :]: t for n, t in state.items() if n.startswith(prefix)}}
