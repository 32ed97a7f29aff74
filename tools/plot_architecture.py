"""Draw architectures side by side: python tools/plot_architecture.py a.json b.json -o x.png

An architecture is a file or the name of a seed (mobilenet_v2, efficientnet_lite0).
"""

import argparse
import sys
from pathlib import Path

from mmtransfer.architecture import Architecture
from mmtransfer.draw import draw
from mmtransfer.seeds import SEEDS, read_architecture


def stage_channels(architecture: Architecture) -> dict[int, int]:
    """Stage index -> output channels, for the captions."""
    return {i: stage.channels for i, stage in enumerate(SEEDS[architecture.seed].stages)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('architectures', nargs='+', help='architecture files or names of seeds')
    parser.add_argument('-o', '--output', type=Path, required=True, help='picture to write')
    parser.add_argument('--titles', nargs='*', help='one per architecture')
    args = parser.parse_args()
    titles = args.titles or [Path(a).stem for a in args.architectures]
    try:
        found = [read_architecture(a) for a in args.architectures]
        figure = draw(found, titles, [stage_channels(a) for a in found])
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    args.output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.output, facecolor='white')
    print(args.output)
    return 0


if __name__ == '__main__':
    sys.exit(main())
