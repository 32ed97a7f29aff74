"""Remedies for faults of the stack below us. Each says what it mends and does nothing where the
fault is absent; none edits an installed package."""

import importlib.metadata
import importlib.util
import inspect
import io
import os
import subprocess
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import Function

from mmtransfer import compat_data
from mmtransfer.checkpoints.plain import register_for_mmengine
from mmtransfer.checkpoints.reading import read_checkpoint, read_file


class MissingFeatureError(ImportError):
    """Something that mmtransfer needs is not installed."""


def apply() -> None:
    """See that nothing is missing, then run every remedy; safe to call more than once."""
    check_features()
    apply_remedies()


def apply_remedies() -> None:
    """Run every remedy. Importing :mod:`mmtransfer.registry` does, so that they hold in every
    program whose config names a type of ours; no toolbox is imported for it."""
    register_for_mmengine()
    mend_checkpoint_loaders()
    name_toolboxes_by_module()
    stub_simcc_vis()
    give_ssd_head_its_loss()
    mend_memory_layouts()
    quiet_pkg_resources()
    mend_data()


def check_features() -> None:
    """Raise :class:`MissingFeatureError` naming what is missing; versions are never refused."""
    missing = [
        f'{name} ({what})'
        for name, what in (
            ('mmengine', 'runner and configs'),
            ('mmcv', 'ConvModule and operators'),
        )
        if importlib.util.find_spec(name) is None
    ]
    if _reads_pkg_resources() and importlib.util.find_spec('pkg_resources') is None:
        missing.append('pkg_resources (MMEngine reads `pkg::` configs with it): setuptools < 81')
    if missing:
        raise MissingFeatureError(
            f'mmtransfer needs {"; ".join(missing)}. Install what is missing, or run '
            f'`make install`.'
        )


def _reads_pkg_resources() -> bool:
    try:
        from mmengine.utils import package_utils
    except ImportError:
        return False
    return 'pkg_resources' in inspect.getsource(package_utils)


def mend_checkpoint_loaders() -> None:
    """MMEngine takes a checkpoint without looking at its sums, loads web addresses without
    ``weights_only``, and its living fork falls back to ``weights_only=False``. Let it read all of
    them as :func:`read_checkpoint` does: in resume, load_from, test and inference.

    mmengine.runner is never imported for it: the loaders are replaced when it is imported."""

    def mend(module: types.ModuleType) -> None:
        register = module.CheckpointLoader.register_scheme
        names = ('torchvision', 'modelzoo', 'open-mmlab', 'openmmlab', 'mmcls')
        schemes = ('', 'http://', 'https://', *(f'{name}://' for name in names))
        register(schemes, load_from_mmtransfer, force=True)
        register((r'(\S+\:)?s3://', r'(\S+\:)?petrel://'), load_from_ceph, force=True)

    _after_import('mmengine.runner.checkpoint', mend)


def load_from_mmtransfer(filename: str, map_location: Any = None) -> dict[str, Any]:
    """A loader for MMEngine, which logs what follows ``load_from_`` in its name."""
    return read_checkpoint(filename, map_location)


def load_from_ceph(filename: str, map_location: Any = None, backend: str = 'petrel') -> dict:
    """The same for object stores, through MMEngine's own client."""
    from mmengine.fileio import get_file_backend

    client = get_file_backend(filename, backend_args=dict(backend=backend))
    return read_file(io.BytesIO(client.get(filename)), filename, map_location)


def name_toolboxes_by_module() -> None:
    """MMEngine finds `mmseg::` configs by the distribution `mmsegmentation`, which a fork or a
    checkout on the path has not got. Where it is absent, let it look for the module instead."""
    from mmengine.config.utils import MODULE2PACKAGE

    for module, distribution in MODULE2PACKAGE.items():
        if module != distribution and not _is_distribution(distribution):
            if importlib.util.find_spec(module) is not None:
                MODULE2PACKAGE[module] = module


def _is_distribution(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def stub_simcc_vis() -> None:
    """mmpose.visualization imports torchvision for one drawing function; without torchvision no
    mmpose Runner can be built. Put a stand-in for that module before it is imported."""
    name = 'mmpose.visualization.simcc_vis'
    present = importlib.util.find_spec('torchvision') is not None
    if name in sys.modules or present or importlib.util.find_spec('mmpose') is None:
        return

    class SimCCVisualizer:
        def draw_instance_xy_heatmap(self, *args, **kwargs):
            raise ImportError('drawing SimCC heatmaps needs torchvision')

    module = types.ModuleType(name)
    module.SimCCVisualizer = SimCCVisualizer  # type: ignore[attr-defined]
    sys.modules[name] = module


def give_ssd_head_its_loss() -> None:
    """mmdet's SSDHead has no ``loss_cls``, which inference asks for (mmdetection #11063, #11780).

    mmdet is never imported for it: the head is mended when (or if) it is imported."""

    def mend(module: types.ModuleType) -> None:
        if not hasattr(module.SSDHead, 'loss_cls'):
            module.SSDHead.loss_cls = None

    _after_import('mmdet.models.dense_heads.ssd_head', mend)


def mend_memory_layouts() -> None:
    """mmcv's compiled operators read the memory of what they are given as (N, C, H, W) whatever its
    layout, so RoIAlign, deformable convolutions and others compute something else, silently, from
    features in channels-last layout. Give them copies in the layout that they read.

    mmcv.ops is never imported for it: the operators are mended when (or if) it is imported."""

    def mend(_: types.ModuleType) -> None:
        for name, module in sys.modules.copy().items():  # other threads may import meanwhile
            if name.startswith('mmcv.ops.'):
                for function in vars(module).values():
                    if isinstance(function, type) and issubclass(function, Function):
                        _give_contiguous(function)

    _after_import('mmcv.ops', mend)


def _give_contiguous(function: Any) -> None:
    """Let an autograd function have contiguous tensors, forward and backward."""
    for name in ('forward', 'backward'):
        original = getattr(function, name)
        if getattr(original, 'gives_contiguous', False):
            continue

        def called(*args: Any, original: Callable = original, **kwargs: Any) -> Any:
            found = (a.contiguous() if _is_channels_last(a) else a for a in args)
            return original(*found, **kwargs)

        called.gives_contiguous = True  # type: ignore[attr-defined]
        setattr(function, name, staticmethod(called))


def _is_channels_last(value: Any) -> bool:
    return (
        isinstance(value, torch.Tensor)
        and value.dim() == 4
        and not value.is_contiguous()
        and value.is_contiguous(memory_format=torch.channels_last)
    )


class _AfterImport:
    """A finder that lets the others import one module, then acts on it; it works once."""

    def __init__(self, name: str, action: Callable[[types.ModuleType], None]) -> None:
        self.name = name
        self.action = action

    def find_spec(self, name, path=None, target=None):
        """Called by the import system for each module that is not imported yet."""
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_then_act(module: types.ModuleType) -> None:
                execute(module)
                self.action(module)

            spec.loader.exec_module = execute_then_act  # type: ignore[method-assign]
        return spec


def _after_import(name: str, action: Callable[[types.ModuleType], None]) -> None:
    if name in sys.modules:
        action(sys.modules[name])
    elif not any(isinstance(f, _AfterImport) and f.name == name for f in sys.meta_path):
        sys.meta_path.insert(0, _AfterImport(name, action))


def mend_data() -> None:
    """MMEngine's data sets and loaders, when (or if) they are imported."""
    _after_import('mmengine.dataset.base_dataset', compat_data.mend_data_sets)
    _after_import('mmengine.dataset.dataset_wrapper', compat_data.mend_joined_data)
    _after_import('mmengine.runner.runner', compat_data.mend_loaders)


def quiet_pkg_resources() -> None:
    """MMEngine imports pkg_resources for `pkg::` configs, which warns on every use."""
    warnings.filterwarnings('ignore', message='pkg_resources is deprecated')


def init_distributed(launcher: str, backend: str | None = None) -> None:
    """Start the process group on machines without CUDA, where MMEngine's own start calls
    ``torch.cuda.set_device``. With CUDA, or when a group runs already, MMEngine is left to do it.

    Args:
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        backend: ``'gloo'`` unless given.

    Raises:
        ValueError: An unknown launcher, or one whose environment variables are not set.
    """
    if launcher == 'none':
        return
    if launcher not in _ENVIRONMENTS:
        known = ', '.join(['none', *_ENVIRONMENTS])
        raise ValueError(f'launcher must be one of {known}; received {launcher!r}.')
    if torch.cuda.is_available() or torch.distributed.is_initialized():
        return
    rank, world, local = _ENVIRONMENTS[launcher]
    missing = [name for name in (rank, world) if name not in os.environ]
    if missing:
        raise ValueError(
            f'the launcher {launcher!r} must set {", ".join(missing)}, which the environment '
            f'lacks. Start the tool by the launcher: tools/dist_train.sh, tools/slurm_train.sh or '
            f'mpirun.'
        )
    os.environ['RANK'], os.environ['WORLD_SIZE'] = os.environ[rank], os.environ[world]
    os.environ['LOCAL_RANK'] = os.environ.get(local, '0')
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _master(launcher, int(os.environ[world]))
    torch.distributed.init_process_group(backend or 'gloo')


def end_distributed() -> None:
    """Leave the process group, if there is one, after a run that succeeded.

    gloo's threads that live on at the interpreter's exit now and then abort it ("terminate called
    without an active exception"), and the launcher takes a finished run for a failed one. After an
    error the group is left alone: ending it would wait for ranks that wait for this one.
    """
    from mmengine.dist import is_distributed

    if is_distributed():
        torch.distributed.destroy_process_group()


# launcher -> where it writes the rank, the number of processes, the rank on this machine
_ENVIRONMENTS = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
}


def _master(launcher: str, world: int) -> str:
    """The host of rank 0, where the launcher does not name it."""
    if launcher == 'slurm':
        return _first_slurm_host()
    here = os.environ.get('OMPI_COMM_WORLD_LOCAL_SIZE', os.environ.get('LOCAL_WORLD_SIZE', world))
    if int(here) != world:
        raise ValueError(
            f'MASTER_ADDR must name the host of rank 0 when several machines take part; it is not '
            f'set, and only {here} of {world} processes run on this one.'
        )
    return '127.0.0.1'


def _first_slurm_host() -> str:
    nodes = os.environ.get('SLURM_NODELIST', '127.0.0.1')
    if not any(c in nodes for c in '[,'):
        return nodes
    command = ['scontrol', 'show', 'hostnames', nodes]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]
