"""Write the generated data set: shapes of strongly different sizes, in COCO format.

python tools/make_toy_data.py data/toy [--train 160] [--val 40] [--test 60] [--seed 0]
"""

import argparse
from pathlib import Path

from mmtransfer.tasks.toy import draw_scene, write_coco


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='folder to write')
    parser.add_argument('--train', type=int, default=160, help='images to train on')
    parser.add_argument('--val', type=int, default=40, help='images to choose on')
    parser.add_argument('--test', type=int, default=60, help='images to report on')
    parser.add_argument('--size', type=int, nargs=2, default=(160, 160), metavar=('H', 'W'))
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    for split in ('train', 'val', 'test'):
        count = getattr(args, split)
        scenes = [draw_scene(args.seed, split, i, tuple(args.size)) for i in range(count)]
        write_coco(args.root, split, scenes)
        print(f'{split}: {count} images, {sum(len(s.shapes) for s in scenes)} objects')


if __name__ == '__main__':
    main()
