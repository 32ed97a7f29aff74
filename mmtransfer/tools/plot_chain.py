"""Networks of every size that greedy searches found: python tools/plot_chain.py DIR DIR -o x.png

The directories are work directories of greedy searches; each becomes a line, score against cost.
"""

import argparse
import sys
from pathlib import Path

from mmtransfer.tools._arguments import picture, tool_parser
from mmtransfer.tools._errors import run_tool
from mmtransfer.tools._figure import write_figure

COSTS = ('madds', 'params', 'latency')  # of mmtransfer.cost.metrics.METRICS


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('work_dirs', nargs='+', help='work directories of greedy searches')
    parser.add_argument('-o', '--output', type=picture, required=True, help='picture to write')
    parser.add_argument('--label', nargs='+', help='one per directory; default: their names')
    parser.add_argument('--metric', help='name on the axis; default: what the searches scored by')
    parser.add_argument('--cost', choices=COSTS, default='madds', help='default %(default)s')
    args = parser.parse_args(argv)
    args.label = args.label or [Path(folder).resolve().name for folder in args.work_dirs]
    if len(set(args.label)) != len(args.work_dirs):
        parser.error(f'{len(args.work_dirs)} directories need as many different labels; received '
                     f'{", ".join(args.label)}')  # fmt: skip
    return args


def run(args: argparse.Namespace) -> None:
    """Read the chains and draw them."""
    from mmtransfer.cost.metrics import METRICS
    from mmtransfer.report.chain import chain_metric, draw_chains, read_chain

    unit = METRICS[args.cost]
    chains = {
        label: read_chain(folder, unit.key, unit.scale)
        for label, folder in zip(args.label, args.work_dirs, strict=True)
    }
    metric = args.metric or ', '.join(dict.fromkeys(map(chain_metric, args.work_dirs)))
    write_figure(draw_chains(chains, metric, f'{unit.key} ({unit.suffix})'), args.output)


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
