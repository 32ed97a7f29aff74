"""Remedy: MMEngine starts no process group on machines without CUDA; and the end of a group."""

import os
import subprocess

import torch


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
