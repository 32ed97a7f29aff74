"""Training loss and validation metric of trainings: python tools/plot_curves.py DIR DIR -o x.png

The directories are work directories; the curves come from their logs. Runs with the same --label
are repetitions: thin lines, and their mean.
"""

import argparse
import sys
from pathlib import Path

from _figure import write_figure
from matplotlib.figure import Figure

from mmtransfer.report.curves import draw_curves, read_run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('work_dirs', nargs='+', help='work directories of trainings')
    parser.add_argument('-o', '--output', type=Path, required=True, help='picture to write')
    parser.add_argument('--label', nargs='+', help='one per directory; default: their names')
    parser.add_argument('--metric', default='coco/bbox_mAP', help='default %(default)s')
    args = parser.parse_args()
    labels = args.label or [None] * len(args.work_dirs)
    if len(labels) != len(args.work_dirs):
        parser.error(f'{len(args.work_dirs)} directories need as many labels, not {len(labels)}')

    def make() -> Figure:
        runs = [
            read_run(folder, args.metric, label)
            for folder, label in zip(args.work_dirs, labels, strict=True)
        ]
        return draw_curves(runs, args.metric)

    return write_figure(make, args.output)


if __name__ == '__main__':
    sys.exit(main())
