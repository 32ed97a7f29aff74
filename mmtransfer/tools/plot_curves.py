"""Training loss and validation metric of trainings: python tools/plot_curves.py DIR DIR -o x.png

The directories are work directories; the curves come from their logs. Runs with the same --label
are repetitions: thin lines, and their mean.
"""

import argparse
import sys

from mmtransfer.tools._arguments import picture, tool_parser
from mmtransfer.tools._errors import run_tool
from mmtransfer.tools._figure import write_figure


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('work_dirs', nargs='+', help='work directories of trainings')
    parser.add_argument('-o', '--output', type=picture, required=True, help='picture to write')
    parser.add_argument('--label', nargs='+', help='one per directory; default: their names')
    parser.add_argument('--metric', default='coco/bbox_mAP', help='default %(default)s')
    args = parser.parse_args(argv)
    args.label = args.label or [None] * len(args.work_dirs)
    if len(args.label) != len(args.work_dirs):
        parser.error(
            f'{len(args.work_dirs)} directories need as many labels, not {len(args.label)}'
        )
    return args


def run(args: argparse.Namespace) -> None:
    """Read the logs and draw them."""
    from mmtransfer.report.curves import draw_curves, read_run

    runs = [
        read_run(folder, args.metric, label)
        for folder, label in zip(args.work_dirs, args.label, strict=True)
    ]
    write_figure(draw_curves(runs, args.metric), args.output)


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
