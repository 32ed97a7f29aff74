"""Write the generated data set: shapes of strongly different sizes, for one of the tasks.

python tools/make_toy_data.py data/toy [--train 160] [--val 40] [--test 60] [--seed 0]
python tools/make_toy_data.py data/toy_cityscapes --layout cityscapes
python tools/make_toy_data.py data/toy_mpii --layout mpii
"""

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from mmtransfer.tasks.toy import draw_scene

# Layout -> the function that writes a split in it, of a module of mmtransfer.tasks.
WRITERS = {
    'coco': ('toy', 'write_coco'),
    'cityscapes': ('toy_segmentation', 'write_cityscapes'),
    'mpii': ('toy_pose', 'write_mpii'),
}


def writer(layout: str) -> Callable:
    """The function that writes a split in this layout: ``write(root, split, scenes)``."""
    module, name = WRITERS[layout]
    return getattr(import_module(f'mmtransfer.tasks.{module}'), name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder to write')
    parser.add_argument('--layout', choices=WRITERS, default='coco', help='whose files to write')
    parser.add_argument('--train', type=int, default=160, help='images to train on')
    parser.add_argument('--val', type=int, default=40, help='images to choose on')
    parser.add_argument('--test', type=int, default=60, help='images to report on')
    parser.add_argument('--size', type=int, nargs=2, default=(160, 160), metavar=('H', 'W'))
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    write = writer(args.layout)
    for split in ('train', 'val', 'test'):
        count = getattr(args, split)
        scenes = [draw_scene(args.seed, split, i, tuple(args.size)) for i in range(count)]
        write(args.root, split, scenes)
        print(f'{split}: {count} images, {sum(len(s.shapes) for s in scenes)} objects')


if __name__ == '__main__':
    main()
