"""Draw architectures below each other: python tools/plot_architecture.py a.json b.json -o x.png

An architecture is a file, the name of a seed (mobilenet_v2) or that with its blocks per stage
(resnet50:1,3,7,5). The captions give the backbone's cost, counted at --shape and --output-stride,
or else at those that the first file with a cost names; and the latency that a file notes, if it was
measured at these.
"""

import argparse
import sys
from pathlib import Path

from mmtransfer.architecture import Architecture
from mmtransfer.cost.metrics import counted_metrics
from mmtransfer.cost.table import cost_table
from mmtransfer.seeds.networks import OUTPUT_STRIDES
from mmtransfer.spaces import read_architecture, space_of
from mmtransfer.tools._arguments import picture, positive, tool_parser
from mmtransfer.tools._errors import run_tool
from mmtransfer.tools._figure import write_figure


def counted(
    architecture: Architecture, size: tuple[int, int], output_stride: int = 32
) -> Architecture:
    """The architecture with its backbone's cost at an input of (H, W) pixels."""
    space, noted = space_of(architecture), architecture.cost or {}
    here = (architecture.input_size, architecture.output_stride or 32) == (size, output_stride)
    cost = {k: noted[k] for k in ('latency_ms',) if here and k in noted}
    for metric in counted_metrics():
        cost[metric] = cost_table(space, size, metric, output_stride).of(architecture)
    return architecture.replace(cost=cost, input_size=size, output_stride=output_stride)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('architectures', nargs='+', help='architecture files or names of seeds')
    parser.add_argument('-o', '--output', type=picture, required=True, help='picture to write')
    parser.add_argument('--titles', nargs='+', help='one per architecture')
    parser.add_argument(
        '--shape', type=positive, nargs=2, metavar=('H', 'W'), help='input size of the costs'
    )
    parser.add_argument(
        '--output-stride', type=int, choices=OUTPUT_STRIDES, help='of the backbones'
    )
    args = parser.parse_args(argv)
    args.titles = args.titles or [Path(a).stem for a in args.architectures]
    return args


def run(args: argparse.Namespace) -> None:
    """Read the architectures, count their costs, and draw them."""
    from mmtransfer.report.drawing import draw

    found = [read_architecture(a) for a in args.architectures]
    named = [(a.input_size, a.output_stride) for a in found if a.input_size]
    size, stride = named[0] if named else (None, None)
    size = tuple(args.shape) if args.shape else size
    if size is not None:
        found = [counted(a, size, args.output_stride or stride or 32) for a in found]
    elif args.output_stride:
        found = [a.replace(output_stride=args.output_stride) for a in found]
    write_figure(draw(found, args.titles), args.output)


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
