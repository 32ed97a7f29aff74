"""Derive the architecture again from any checkpoint of a search.

python tools/derive.py configs/fna/retinanet_mbv2_search.py CHECKPOINT -o a.json
"""

import argparse
import sys

from mmtransfer.tools._arguments import (
    add_cfg_options,
    checkpoint,
    config_file,
    output_file,
    tool_parser,
)
from mmtransfer.tools._config import check_search, read_config
from mmtransfer.tools._errors import run_tool


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('config', type=config_file, help='the config of the search')
    parser.add_argument(
        'checkpoint', type=checkpoint, help='a file, or a work directory for its last checkpoint'
    )
    parser.add_argument('-o', '--output', type=output_file, required=True, help='architecture file')
    add_cfg_options(parser)
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    """Derive, write, and say what it costs."""
    cfg = read_config(args.config, args.cfg_options)
    from mmengine.registry import init_default_scope

    from mmtransfer.architecture import unfinished
    from mmtransfer.cost.metrics import METRICS, say
    from mmtransfer.search import derive_from_checkpoint

    check_search(cfg)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    found = derive_from_checkpoint(cfg, args.checkpoint)
    warning = unfinished('the architecture is', found.provenance)
    if warning:
        print(f'derive.py: warning: {warning}', file=sys.stderr)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    found.write(args.output)
    cost = found.cost or {}
    shown = [say(name, cost[metric.key]) for name, metric in METRICS.items() if metric.key in cost]
    print(f'{args.output}: backbone of {", ".join(shown)}')


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
