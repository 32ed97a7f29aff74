"""Parameters and multiply-adds of the model of a config, as exact integers.

python tools/get_cost.py configs/fna/retinanet_mbv2_adapt.py --shape 800 1088
"""

import argparse
import json
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from mmtransfer.cost.conventions import CONVENTIONS
from mmtransfer.tools._arguments import add_cfg_options, config_file, positive, tool_parser
from mmtransfer.tools._config import read_config
from mmtransfer.tools._errors import run_tool

if TYPE_CHECKING:
    from mmtransfer.cost.counter import Counts


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('config', type=config_file, help='any config of mmdet, mmseg or mmpose')
    parser.add_argument('--shape', nargs=2, type=positive, required=True, metavar=('H', 'W'))
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
    return parser.parse_args(argv)


def get_cost(args: argparse.Namespace) -> 'Counts':
    """The counts; whatever building the model prints goes to standard error."""
    from mmtransfer.cost.config import build_model
    from mmtransfer.cost.counter import count_model
    from mmtransfer.hooks.checks.channels import check_channels

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


def table(counts: 'Counts') -> str:
    """The counts for people to read."""
    from mmtransfer.cost.counter import PARTS

    others = {key: of for key, of in counts.items() if key not in ('params', 'reasons', 'notes')}
    lines = [f'{"":10}{"params":>16}' + ''.join(f'{key:>20}' for key in others)]
    for part in (*PARTS, 'total'):
        texts = ('not counted' if of[part] is None else f'{of[part]:,}' for of in others.values())
        lines.append(
            f'{part:10}{counts["params"][part]:16,}' + ''.join(f'{text:>20}' for text in texts)
        )
    for key in ('reasons', 'notes'):
        lines += [f'{part}: {text}' for part, text in counts.get(key, {}).items()]
    return '\n'.join(lines)


def run(args: argparse.Namespace) -> None:
    """Count and print."""
    counts = get_cost(args)
    print(json.dumps(counts) if args.json else table(counts))


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
