"""Rank architectures by a search checkpoint, before anyone pays for a fine-tune.

python tools/rank.py configs/fna/retinanet_mbv2_search.py CHECKPOINT --top 5

Architectures are drawn uniformly, of one cost if it is given; or, with --blocks N, they are those
of N blocks, all of them unless there are more than --samples. They are scored on the held-out part
of the training set with the weights of the supernet. FILE holds every score: the same command goes
on where it was stopped, and one with more samples evaluates the new ones only.
"""

import argparse
import sys
from pathlib import Path

from mmtransfer.tools._arguments import (
    add_cfg_options,
    checkpoint,
    config_file,
    cost,
    folder,
    output_file,
    positive,
    tool_parser,
)
from mmtransfer.tools._errors import UserError, run_tool


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument(
        'config', type=config_file, help='the config of the search, of any strategy'
    )
    parser.add_argument(
        'checkpoint', type=checkpoint, help='a file, or a work directory for its last checkpoint'
    )
    parser.add_argument('--top', type=positive, default=10, metavar='K', help='how many to show')
    parser.add_argument(
        '--samples', type=positive, default=100, metavar='N', help='how many to score'
    )
    parser.add_argument(
        '--cost',
        type=cost,
        metavar='C',
        help="of the backbone, in the config's unit; or 'seed', or a share of the seed's up to 1",
    )
    parser.add_argument(
        '--blocks', type=positive, metavar='N', help='only architectures of N blocks'
    )
    parser.add_argument('--tolerance', type=float, default=0.02, help='how far from C, relative')
    parser.add_argument('--metric', help="'loss' or one of the evaluator, like coco/bbox_mAP")
    parser.add_argument('--rule', choices=['less', 'greater'], help='which score is better')
    parser.add_argument(
        '--bn-iterations', type=positive, help='batches to estimate statistics over'
    )
    parser.add_argument(
        '--held-out', type=positive, metavar='N', help='use N held-out samples only'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the drawing of architectures')
    parser.add_argument(
        '-o',
        '--output',
        type=output_file,
        metavar='FILE',
        help='default ranking.json in the work dir',
    )
    parser.add_argument(
        '--architectures', type=folder, metavar='FOLDER', help='write the top K there as files'
    )
    parser.add_argument(
        '--work-dir', type=folder, help='for logs; default work_dirs/<name of the config>_rank'
    )
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.blocks is not None and args.cost is not None:
        parser.error('--blocks and --cost cannot be combined: leave one out')
    args.work_dir = args.work_dir or f'work_dirs/{Path(args.config).stem}_rank'
    args.output = args.output or Path(args.work_dir) / 'ranking.json'
    return args


def run(args: argparse.Namespace) -> None:
    """Rank, show the best, write their files."""
    from mmtransfer.tools._ranking import place_in_chain, rank, table

    scores = rank(args)
    print(table(scores, args.top))
    if args.architectures:
        for place, found in enumerate(scores.ranking()[: args.top], 1):
            found.write(Path(args.architectures) / f'rank_{place:02d}.json')
    print(f'all scores: {args.output}')
    if args.blocks is not None:
        try:
            kept = place_in_chain(args.checkpoint, args.blocks, scores)
        except ValueError as error:
            message = f'the chain beside the checkpoint cannot be read: {error}'
            raise UserError(message) from error
        if kept:
            print(kept)


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
