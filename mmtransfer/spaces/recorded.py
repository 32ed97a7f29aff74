"""The architecture that a checkpoint of ours holds beside the weights."""

import os
from collections.abc import Mapping

from mmtransfer.architecture import Architecture, ArchitectureError

_BEGINNINGS = (b'PK\x03\x04', b'\x80')  # an archive of torch.save, or its pickle of before 1.6


def is_checkpoint(path: str | os.PathLike) -> bool:
    """Whether a path names a file that is a checkpoint by its first bytes."""
    try:
        with open(path, 'rb') as file:
            return file.read(4).startswith(_BEGINNINGS)
    except (OSError, ValueError):  # ValueError: no name of a file
        return False


def recorded_architecture(checkpoint: str | os.PathLike) -> Architecture:
    """The architecture of the plain network whose weights a checkpoint holds.

    Args:
        checkpoint: Written by a training of an ``AdaptedBackbone``.

    Raises:
        ArchitectureError: It cannot be read, or it holds none; that of a search must be derived
            from it first.
    """
    from mmtransfer.checkpoints.reading import read_checkpoint  # torch, which no other source needs

    origin = os.fspath(checkpoint)
    try:
        record = read_checkpoint(origin).get('mmtransfer')
    except (OSError, ValueError) as error:
        raise ArchitectureError(str(error)) from error
    found = record.get('architecture') if isinstance(record, Mapping) else None
    if found is None:
        raise ArchitectureError(
            f"the checkpoint '{origin}' must hold the architecture of its network; it holds none. "
            'Those that mmtransfer.CheckpointHook writes for an AdaptedBackbone do. From that of a '
            'search derive one: python tools/derive.py SEARCH_CONFIG CHECKPOINT -o FILE'
        )
    return Architecture.from_content(found, f"the architecture in '{origin}'")
