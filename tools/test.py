"""Evaluate a checkpoint on the test data of a config.

python tools/test.py configs/fna/retinanet_mbv2_adapt.py CHECKPOINT
"""

import argparse
import json
from pathlib import Path

from _config import add_run_arguments, run_config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.remap.checkpoint import resolve


def find_checkpoint(given: str) -> str:
    """The checkpoint to test: the file given, or of a directory the best one, else the last.

    Args:
        given: A file, or the work directory of a training. Its best checkpoint is the one that
            ``save_best`` kept, chosen on the validation data.
    """
    best = sorted(Path(given).glob('best_*.pth'), key=lambda p: p.stat().st_mtime)
    return str(best[-1]) if best else resolve(given)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config')
    parser.add_argument('checkpoint', help='a file, or a work directory for its best checkpoint')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the metrics there')
    add_run_arguments(parser)
    args = parser.parse_args()
    cfg = run_config(args)
    cfg.load_from, cfg.resume = find_checkpoint(args.checkpoint), False
    metrics = Runner.from_cfg(cfg).test()
    if args.json and is_main_process():
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({k: float(v) for k, v in metrics.items()}, indent=1) + '\n')
    compat.end_distributed()


if __name__ == '__main__':
    main()
