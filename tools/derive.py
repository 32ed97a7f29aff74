"""Derive the architecture again from any checkpoint of a search.

python tools/derive.py configs/fna/retinanet_mbv2_search.py CHECKPOINT -o a.json
"""

import argparse
import sys
from pathlib import Path

from _config import add_cfg_options, read_config
from mmengine.registry import init_default_scope

from mmtransfer.cost.metrics import UNITS, say
from mmtransfer.search.derive import derive_from_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='the config of the search')
    parser.add_argument('checkpoint', help='a file, or a work directory for its last checkpoint')
    parser.add_argument('-o', '--output', type=Path, required=True, help='architecture file')
    add_cfg_options(parser)
    args = parser.parse_args()
    cfg = read_config(args.config, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    try:
        found = derive_from_checkpoint(cfg, args.checkpoint)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f'derive.py: error: {error}')
    args.output.parent.mkdir(parents=True, exist_ok=True)
    found.write(args.output)
    cost = found.cost or {}
    shown = [say(metric, cost[unit.key]) for metric, unit in UNITS.items() if unit.key in cost]
    print(f'{args.output}: backbone of {", ".join(shown)}')


if __name__ == '__main__':
    main()
