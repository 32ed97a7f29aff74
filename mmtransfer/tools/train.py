"""Search, or fine-tune, as a config says.

python tools/train.py configs/fna/retinanet_mbv2_search.py
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmtransfer.tools._arguments import add_run_arguments, checkpoint, config_file, tool_parser
from mmtransfer.tools._errors import run_tool
from mmtransfer.tools._run import begun

if TYPE_CHECKING:
    from mmengine.config import Config


def set_resume(cfg: 'Config', resume: str | None) -> None:
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


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('config', type=config_file)
    parser.add_argument(
        '--resume',
        type=lambda text: text if text == 'auto' else checkpoint(text),
        nargs='?',
        const='auto',
        metavar='PATH',
        help='go on from this checkpoint, or from the last one of the work directory',
    )
    add_run_arguments(parser)
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    """Train."""
    with begun(args, trains=True) as cfg:
        from mmengine.runner import Runner

        set_resume(cfg, args.resume)
        Runner.from_cfg(cfg).train()


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
