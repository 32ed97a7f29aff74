"""Evaluate a checkpoint on the test data of a config.

python tools/test.py configs/fna/retinanet_mbv2_adapt.py CHECKPOINT
"""

import argparse
import json
import math
import sys
from pathlib import Path

from mmtransfer.tools._arguments import (
    add_run_arguments,
    checkpoint,
    config_file,
    output_file,
    tool_parser,
)
from mmtransfer.tools._errors import run_tool
from mmtransfer.tools._run import begun


def find_checkpoint(given: str) -> str:
    """The checkpoint to test: the file given, or of a directory the best one, else the last.

    Args:
        given: A file, or the work directory of a training. Its best checkpoint is the one that
            ``save_best`` kept, chosen on the validation data.
    """
    from mmtransfer.checkpoints.address import resolve

    best = sorted(Path(given).glob('best_*.pth'), key=lambda p: p.stat().st_mtime)
    return str(best[-1]) if best else resolve(given)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('config', type=config_file)
    parser.add_argument(
        'checkpoint', type=checkpoint, help='a file, or a work directory for its best checkpoint'
    )
    parser.add_argument('--json', type=output_file, metavar='FILE', help='write the metrics there')
    add_run_arguments(parser)
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    """Test, and write the metrics."""
    with begun(args, trains=False) as cfg:
        from mmengine.dist import is_main_process
        from mmengine.runner import Runner

        from mmtransfer.scoring.truth import measured

        cfg.load_from, cfg.resume = find_checkpoint(args.checkpoint), False
        runner = Runner.from_cfg(cfg)
        found = runner.test()
        if args.json and is_main_process():
            metrics = measured(runner.test_evaluator.metrics, found)
            values = {k: float(v) if math.isfinite(v) else None for k, v in metrics.items()}
            args.json.parent.mkdir(parents=True, exist_ok=True)
            args.json.write_text(json.dumps(values, indent=1) + '\n')


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
