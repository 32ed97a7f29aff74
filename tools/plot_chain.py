"""Networks of every size that greedy searches found: python tools/plot_chain.py DIR DIR -o x.png

The directories are work directories of greedy searches; each becomes a line, score against cost.
"""

import argparse
import sys
from pathlib import Path

from _figure import write_figure
from matplotlib.figure import Figure

from mmtransfer.cost.metrics import UNITS
from mmtransfer.report.chain import chain_metric, draw_chains, read_chain


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('work_dirs', nargs='+', help='work directories of greedy searches')
    parser.add_argument('-o', '--output', type=Path, required=True, help='picture to write')
    parser.add_argument('--label', nargs='+', help='one per directory; default: their names')
    parser.add_argument('--metric', help='name on the axis; default: what the searches scored by')
    parser.add_argument('--cost', choices=UNITS, default='madds', help='default %(default)s')
    args = parser.parse_args()
    labels = args.label or [Path(folder).resolve().name for folder in args.work_dirs]
    if len(set(labels)) != len(args.work_dirs):
        parser.error(f'{len(args.work_dirs)} directories need as many different labels; received '
                     f'{", ".join(labels)}')  # fmt: skip

    def make() -> Figure:
        unit = UNITS[args.cost]
        chains = {
            label: read_chain(folder, unit.key, unit.scale)
            for label, folder in zip(labels, args.work_dirs, strict=True)
        }
        metric = args.metric or ', '.join(dict.fromkeys(map(chain_metric, args.work_dirs)))
        return draw_chains(chains, metric, f'{unit.key} ({unit.suffix})')

    return write_figure(make, args.output)


if __name__ == '__main__':
    sys.exit(main())
