"""What the tools share: the arguments of a run, and the config that they make."""

import argparse
import os
from pathlib import Path

from mmengine.config import Config, DictAction

from mmtransfer import compat

ROOT = Path(__file__).resolve().parent.parent


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --work-dir, --cfg-options and --launcher to a parser."""
    parser.add_argument('--work-dir', help='where to write; default work_dirs/<name of the config>')
    add_cfg_options(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    # Launchers older than torchrun pass it on the command line.
    parser.add_argument('--local-rank', '--local_rank', type=int, help=argparse.SUPPRESS)


def add_cfg_options(parser: argparse.ArgumentParser, text: str = 'settings to change, as') -> None:
    """Add --cfg-options to a parser, with this beginning of its help text."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help=f'{text} train_cfg.max_epochs=2 or model.neck.num_outs=4',
    )


def read_config(path: str, options: dict | None = None) -> Config:
    """A config with some settings changed, the remedies for the stack applied before.

    Args:
        path: Of the config.
        options: Dotted keys and their new values.
    """
    compat.apply()
    cfg = Config.fromfile(path)
    if options:
        cfg.merge_from_dict(options)
    return cfg


def run_config(args: argparse.Namespace) -> Config:
    """The config of a run, from :func:`add_run_arguments`; joins the process group."""
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or f'work_dirs/{Path(args.config).stem}'
    compat.init_distributed(args.launcher)
    return cfg
