"""Parameters and multiply-adds of the model of a config, as exact integers.

python tools/get_cost.py configs/fna/retinanet_mbv2_adapt.py --shape 800 1088
"""

import argparse
import json
import sys
from contextlib import redirect_stdout

from _config import add_cfg_options, read_config

from mmtransfer.cost.config import build_model
from mmtransfer.cost.conventions import CONVENTIONS
from mmtransfer.cost.counter import PARTS, Counts, count_model
from mmtransfer.engine.channels import check_channels


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='any config of mmdet, mmseg or mmpose')
    parser.add_argument('--shape', nargs=2, type=int, required=True, metavar=('H', 'W'))
    parser.add_argument(
        '--architecture',
        metavar='FILE',
        help="in place of the architecture in the config's backbone",
    )
    parser.add_argument(
        '--convention',
        choices=CONVENTIONS,
        default='mmtransfer',
        help='what counts as a multiply-add: ours, or as in a table of a paper',
    )
    parser.add_argument('--json', action='store_true', help='print JSON instead of a table')
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if min(args.shape) < 1:
        parser.error(f'--shape must be two positive numbers, H and W; received {args.shape}')
    return args


def get_cost(args: argparse.Namespace) -> Counts:
    """The counts; whatever building the model prints goes to standard error."""
    with redirect_stdout(sys.stderr):
        model = build_model(read_config(args.config, args.cfg_options), args.architecture)
        check_channels(model)
        if hasattr(getattr(model, 'backbone', None), 'selection'):
            print(
                'note: the backbone is a supernet: its params are those of all candidates, its '
                'multiply-adds those of the seed; --architecture counts one network',
                file=sys.stderr,
            )
        return count_model(model, tuple(args.shape), args.convention)


def table(counts: Counts) -> str:
    """The counts for people to read."""
    lines = [f'{"":10}{"params":>16}{"madds":>20}']
    for part in (*PARTS, 'total'):
        lines.append(f'{part:10}{counts["params"][part]:16,}{counts["madds"][part]:20,}')
    return '\n'.join(lines)


def main() -> None:
    args = parse_args()
    try:
        counts = get_cost(args)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f'get_cost.py: error: {error}')
    print(json.dumps(counts) if args.json else table(counts))


if __name__ == '__main__':
    main()
