"""Networks by their scores on source and target (block allocation, Fig. 1).

python tools/plot_transfer.py SOURCE.json TARGET.json -o x.png

The files are rankings of tools/rank.py, or candidates.json of a search, over the same space.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mmtransfer.tools._arguments import at_least, picture, tool_parser
from mmtransfer.tools._errors import run_tool
from mmtransfer.tools._figure import write_figure

Options = tuple[str, ...]


def read_scores(path: Path) -> tuple[dict[str, Any], str, dict[Options, float]]:
    """The head of a ranking, what was measured, and options -> score, the best first.

    Raises:
        ValueError: The file holds no ranking.
    """
    try:
        data = json.loads(path.read_text())
        found = {
            tuple(c['options']): c['score'] for c in data['candidates'] if c['score'] is not None
        }
        return data, data['evaluation'].get('metric', 'score'), found
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"'{path}' must be a ranking of tools/rank.py or candidates.json of a search; it could "
            f'not be read ({type(error).__name__}: {error}).'
        ) from error


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('source', type=Path, help='scores on the source')
    parser.add_argument('target', type=Path, help='scores on the target')
    parser.add_argument('-o', '--output', type=picture, required=True, help='picture to write')
    parser.add_argument(
        '--named', type=at_least(0), default=8, help='the best so many carry their name'
    )
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    """Read both rankings and draw the networks that are in both."""
    from mmtransfer.report.chain import bracketed, draw_transfer

    of_source, source_metric, source = read_scores(args.source)
    of_target, target_metric, target = read_scores(args.target)
    if of_source.get('fingerprint') != of_target.get('fingerprint'):
        raise ValueError(
            f'both rankings must be of one space; {args.source} is of '
            f'{of_source.get("fingerprint")}, {args.target} of {of_target.get("fingerprint")}. '
            f'Rank the same space on both.'
        )
    points = {
        bracketed(options): (source[options], score)
        for options, score in target.items()
        if options in source
    }
    titles = f'{source_metric} on the source', f'{target_metric} on the target'
    write_figure(draw_transfer(points, *titles, args.named), args.output)


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
