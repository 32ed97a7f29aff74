"""What a checkpoint says of its search space. How it is read: `mmtransfer.checkpoints`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmtransfer.checkpoints.address import resolve
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.checkpoints.tensors import load_tensors, tensors_of
from mmtransfer.remap.plan import RemapError

__all__ = ['check_space', 'load_tensors', 'read_checkpoint', 'resolve', 'tensors_of']


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
