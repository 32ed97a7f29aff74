"""Remedy: MMEngine reads checkpoints without care."""

import io
import types
from typing import Any

from mmtransfer.checkpoints.reading import read_checkpoint, read_file
from mmtransfer.compat.patching import after_import


def mend_checkpoint_loaders() -> None:
    """MMEngine takes a checkpoint without looking at its sums, loads web addresses without
    ``weights_only``, and its living fork falls back to ``weights_only=False``. Let it read all of
    them as ``read_checkpoint`` does: in resume, load_from, test and inference.

    mmengine.runner is never imported for it: the loaders are replaced when it is imported."""

    def mend(module: types.ModuleType) -> None:
        register = module.CheckpointLoader.register_scheme
        names = ('torchvision', 'modelzoo', 'open-mmlab', 'openmmlab', 'mmcls')
        schemes = ('', 'http://', 'https://', *(f'{name}://' for name in names))
        register(schemes, load_from_mmtransfer, force=True)
        register((r'(\S+\:)?s3://', r'(\S+\:)?petrel://'), load_from_ceph, force=True)

    after_import('mmengine.runner.checkpoint', mend)


def load_from_mmtransfer(filename: str, map_location: Any = None) -> dict[str, Any]:
    """A loader for MMEngine, which logs what follows ``load_from_`` in its name."""
    return read_checkpoint(filename, map_location)


def load_from_ceph(filename: str, map_location: Any = None, backend: str = 'petrel') -> dict:
    """The same for object stores, through MMEngine's own client."""
    from mmengine.fileio import get_file_backend

    client = get_file_backend(filename, backend_args=dict(backend=backend))
    return read_file(io.BytesIO(client.get(filename)), filename, map_location)
