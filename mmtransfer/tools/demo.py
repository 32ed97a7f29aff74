"""The whole job on made data: adapt EfficientNet-Lite0 for a small RetinaNet, on the CPU.

python tools/demo.py

Generates the data, fine-tunes the seed network, searches, fine-tunes the adapted network, and
prints both beside each other. Ends with 1 unless both reach the mAP50 that shows they have learned.
"""

import argparse
import hashlib
import math
import os
import sys
import time
from pathlib import Path

from mmtransfer.files import CONFIGS
from mmtransfer.report import Result, clock, plain_table, result_table
from mmtransfer.tools import make_toy_data
from mmtransfer.tools._arguments import folder, tool_parser
from mmtransfer.tools._config import PACKAGE, read_config
from mmtransfer.tools._errors import run_tool
from mmtransfer.tools.adapt import Adaptation

LEARNED = 0.3
HOME = PACKAGE.parent if (PACKAGE.parent / 'setup.py').exists() else Path.cwd()  # of a checkout
DATA = HOME / 'data/toy'
CONFIG = CONFIGS / 'fna/retinanet_efflite0_{}_toy.py'


def code_digest() -> str:
    """A digest of the package: a demo of changed code is a new one."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob('*.py')):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def verdict(results: list[Result]) -> list[str]:
    """One sentence for each network that has not learned; empty when all is well."""
    reached = {r.name: r.metrics.get('coco/bbox_mAP_50', math.nan) for r in results}
    return [
        f'{name}: mAP50 must reach {LEARNED}; it is {value:.3f}.'
        for name, value in reached.items()
        if not value >= LEARNED
    ]


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('--work-dir', type=folder, default=str(HOME / 'work_dirs/demo'))
    parser.add_argument('--verbose', action='store_true', help='show the logs of the stages')
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> int:
    """Make the data, adapt, and say whether both networks have learned."""
    root = Path(args.work_dir).resolve()
    os.chdir(HOME)  # the configs name their data from here
    began = time.monotonic()
    if not (DATA / 'annotations/test.json').exists():
        print(f'generating data in {DATA}', flush=True)
        make_toy_data.run(make_toy_data.parse_args([str(DATA)]))
    search, adapt, seed = (read_config(str(CONFIG).format(s)) for s in ('search', 'adapt', 'seed'))
    results = Adaptation(root, search, adapt, seed, extra=code_digest()).run(args.verbose)
    print(f'\n{plain_table(*result_table(results))}\n')
    print(f'{clock(time.monotonic() - began)} in all; the report: {root / "report.md"}')
    failed = verdict(results)
    print('\n'.join(failed) if failed else f'Both networks reach a mAP50 of {LEARNED}.')
    return 1 if failed else 0


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
