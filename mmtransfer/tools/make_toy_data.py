"""Write the generated data set: shapes of strongly different sizes, for one of the tasks.

python tools/make_toy_data.py data/toy [--train 160] [--val 40] [--test 60] [--seed 0]
python tools/make_toy_data.py data/toy_cityscapes --layout cityscapes
python tools/make_toy_data.py data/toy_mpii --layout mpii
"""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from mmtransfer.tools._arguments import at_least, folder, positive, tool_parser
from mmtransfer.tools._errors import run_tool

# Layout -> the function that writes a split in it, of a module of mmtransfer.toy.
WRITERS = {
    'coco': ('scenes', 'write_coco'),
    'cityscapes': ('segmentation', 'write_cityscapes'),
    'mpii': ('pose', 'write_mpii'),
}


def writer(layout: str) -> Callable:
    """The function that writes a split in this layout: ``write(root, split, scenes)``."""
    module, name = WRITERS[layout]
    return getattr(import_module(f'mmtransfer.toy.{module}'), name)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('root', type=folder, help='folder to write')
    parser.add_argument('--layout', choices=WRITERS, default='coco', help='whose files to write')
    parser.add_argument('--train', type=positive, default=160, help='images to train on')
    parser.add_argument('--val', type=positive, default=40, help='images to choose on')
    parser.add_argument('--test', type=positive, default=60, help='images to report on')
    parser.add_argument(
        '--size', type=at_least(16), nargs=2, default=(160, 160), metavar=('H', 'W')
    )
    parser.add_argument('--seed', type=at_least(0), default=0)
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    """Draw and write every split."""
    from mmtransfer.toy.scenes import draw_scene

    write = writer(args.layout)
    for split in ('train', 'val', 'test'):
        count = getattr(args, split)
        scenes = [draw_scene(args.seed, split, i, tuple(args.size)) for i in range(count)]
        write(Path(args.root), split, scenes)
        print(f'{split}: {count} images, {sum(len(s.shapes) for s in scenes)} objects')


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
