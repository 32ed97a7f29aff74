"""What happens around a run of MMEngine's runner that a tool starts."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmtransfer.tools._config import check_schedule, read_config
from mmtransfer.tools._processes import ends_with_parent

if TYPE_CHECKING:
    from mmengine.config import Config

# Where a launcher writes the rank.
_RANKS = {'pytorch': 'RANK', 'slurm': 'SLURM_PROCID', 'mpi': 'OMPI_COMM_WORLD_RANK'}


def run_config(args: argparse.Namespace) -> 'Config':
    """The config of a run, from ``_arguments.add_run_arguments``."""
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or f'work_dirs/{Path(args.config).stem}'
    return cfg


@contextmanager
def begun(args: argparse.Namespace, trains: bool) -> Iterator['Config']:
    """The config of a run whose processes have found each other; they part after success alone.

    Args:
        args: From ``_arguments.add_run_arguments``.
        trains: Then no other process may train in the work directory.

    Raises:
        WorkDirError: Another one does, or nothing can be written there.
    """
    cfg = run_config(args)
    from mmtransfer import compat
    from mmtransfer.lock import lock_folder

    lock = None
    if trains:
        check_schedule(cfg)
        if int(os.environ.get(_RANKS.get(args.launcher, ''), 0)) == 0:
            lock = lock_folder(cfg.work_dir)
    if args.launcher == 'pytorch':  # torchrun, killed, would leave its processes behind
        ends_with_parent(os.getppid())()
    compat.init_distributed(args.launcher)
    yield cfg
    compat.end_distributed()
    del lock
