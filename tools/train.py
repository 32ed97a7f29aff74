"""Search, or fine-tune, as a config says.

python tools/train.py configs/fna/retinanet_mbv2_search.py
"""

import argparse
from pathlib import Path

from _config import add_run_arguments, run_config
from mmengine.config import Config
from mmengine.runner import Runner

from mmtransfer import compat


def set_resume(cfg: Config, resume: str | None) -> None:
    """Continue from a checkpoint, or from the last one of the work directory if there is one.

    Args:
        cfg: Changed in place.
        resume: A checkpoint; ``'auto'``; None to leave the config as it is.
    """
    if resume == 'auto':
        # Without a checkpoint this is a new run: its weights must be remapped like any other's.
        cfg.resume = (Path(cfg.work_dir) / 'last_checkpoint').exists()
        cfg.load_from = None
        if not cfg.resume:
            print(f'nothing to resume in {cfg.work_dir}: starting a new run')
    elif resume is not None:
        cfg.resume, cfg.load_from = True, resume


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='PATH',
        help='go on from this checkpoint, or from the last one of the work directory',
    )
    add_run_arguments(parser)
    args = parser.parse_args()
    cfg = run_config(args)
    set_resume(cfg, args.resume)
    Runner.from_cfg(cfg).train()
    compat.end_distributed()


if __name__ == '__main__':
    main()
