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
from typing import Any

from _config import add_cfg_options, read_config
from mmengine.config import Config
from mmengine.runner import Runner

from mmtransfer.architecture import Architecture
from mmtransfer.cost.metrics import UNITS
from mmtransfer.engine.checkpoint_hook import check_tensors
from mmtransfer.engine.held_out import Evaluation, HeldOut
from mmtransfer.engine.search_loop import SearchLoop
from mmtransfer.files import write_atomically
from mmtransfer.registry import LOOPS
from mmtransfer.remap.checkpoint import check_space, read_checkpoint, tensors_of
from mmtransfer.report import plain_table
from mmtransfer.search import (
    CandidateSearcher,
    ListSearcher,
    RandomSearcher,
    Scores,
    draw_rng,
    ladder,
    score_candidates,
    some_of_size,
    with_cost,
)
from mmtransfer.search.candidates import at_least


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='the config of the search, of any strategy')
    parser.add_argument('checkpoint', help='a file, or a work directory for its last checkpoint')
    parser.add_argument('--top', type=int, default=10, metavar='K', help='how many to show')
    parser.add_argument('--samples', type=int, default=100, metavar='N', help='how many to score')
    parser.add_argument(
        '--cost',
        type=float,
        metavar='C',
        help="of the backbone, in the config's unit",
    )
    parser.add_argument('--blocks', type=int, metavar='N', help='only architectures of N blocks')
    parser.add_argument('--tolerance', type=float, default=0.02, help='how far from C, relative')
    parser.add_argument('--metric', help="'loss' or one of the evaluator, like coco/bbox_mAP")
    parser.add_argument('--rule', choices=['less', 'greater'], help='which score is better')
    parser.add_argument('--bn-iterations', type=int, help='batches to estimate statistics over')
    parser.add_argument('--held-out', type=int, metavar='N', help='use N held-out samples only')
    parser.add_argument('--seed', type=int, default=0, help='of the drawing of architectures')
    parser.add_argument(
        '-o', '--output', type=Path, metavar='FILE', help='default ranking.json in the work dir'
    )
    parser.add_argument(
        '--architectures', type=Path, metavar='FOLDER', help='write the top K there as files'
    )
    parser.add_argument('--work-dir', help='for logs; default work_dirs/<name of the config>_rank')
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.top < 1:
        parser.error(f'--top must be at least 1; received {args.top}')
    if args.blocks is not None and args.cost is not None:
        parser.error('--blocks and --cost cannot be combined: leave one out')
    args.work_dir = args.work_dir or f'work_dirs/{Path(args.config).stem}_rank'
    args.output = args.output or Path(args.work_dir) / 'ranking.json'
    return args


def check_search(cfg: Config) -> None:
    """Raise ValueError unless the train loop of a config is a search."""
    kind = (cfg.get('train_cfg') or {}).get('type')
    loop = LOOPS.get(kind) if isinstance(kind, str) else kind
    if not (isinstance(loop, type) and issubclass(loop, SearchLoop)):
        raise ValueError(
            f"the config must be of a search, with train_cfg.type 'mmtransfer.SearchLoop' or "
            f"'mmtransfer.GreedyBlockSearchLoop'; received {kind!r}. For a supernet that was "
            f"trained on the source, give a config that inherits the training's and sets "
            f'train_cfg to a GreedyBlockSearchLoop with images in split.arch that the training has '
            f'not seen, as configs/block_allocation/classifier_r50_greedy.py does.'
        )


def load_search(cfg: Config, checkpoint: str) -> Any:
    """The loop of a search with the weights of a checkpoint, ready to score.

    Args:
        cfg: The search config; changed in place.
        checkpoint: A file, or a work directory.

    Raises:
        ValueError: The config is not of a search, or the checkpoint is of another space or another
            model.
    """
    check_search(cfg)
    cfg.model.backbone.init_cfg = None
    cfg.load_from, cfg.resume = None, False
    runner = Runner.from_cfg(cfg)
    loop: Any = runner.build_train_loop(cfg.train_cfg)
    content = read_checkpoint(checkpoint)
    check_space(content, loop.supernet.space.fingerprint, checkpoint)
    state = tensors_of(content, checkpoint)
    check_tensors(loop.model, state)
    loop.model.load_state_dict(state)
    return loop


def searcher_for(args: argparse.Namespace, loop: Any) -> CandidateSearcher:
    """Asks for architectures of one cost or of one size.

    Raises:
        ValueError: There is no such architecture.
    """
    supernet, table = loop.supernet, loop.table
    if args.blocks is None:
        cost = args.cost, args.tolerance
        return RandomSearcher(supernet, table, args.seed, args.samples, *cost)
    at_least('--samples', args.samples, 1)
    order = (loop.runner.cfg.train_cfg.get('searcher') or {}).get('order')
    steps = ladder(supernet.space, table, order)
    rng = draw_rng(args.seed, 'architectures of one size')
    found = some_of_size(supernet.space, steps, args.blocks, args.samples, rng)
    if not found:
        raise ValueError(
            f'--blocks must lie between {len(steps)} (one block per stage) and '
            f'{sum(map(len, steps.values()))} (the whole supernet); received {args.blocks}.'
        )
    return ListSearcher(supernet, table, args.seed, found)


def rank(args: argparse.Namespace) -> Scores:
    """Score what FILE does not hold yet; every score is in it before the next one begins.

    Returns:
        The scores of the architectures that were asked for, FILE may hold more.
    """
    cfg = read_config(args.config, args.cfg_options)
    cfg.work_dir = args.work_dir
    loop = load_search(cfg, args.checkpoint)
    given = {
        'metric': args.metric,
        'rule': args.rule,
        'bn_iterations': args.bn_iterations,
        'samples': args.held_out,
    }
    settings = dict(cfg.train_cfg.get('evaluation') or {})
    if args.metric is not None:
        settings.pop('rule', None)  # it belonged to another metric
    settings.update({k: v for k, v in given.items() if v is not None})
    held_out = HeldOut(loop, Evaluation(**settings))
    held_out.scorer.check()

    scores = held_out.scores()
    if args.output.exists():
        text = args.output.read_text()
        scores.take(Scores.from_json(text, scores.space, str(args.output)), str(args.output))
    searcher = searcher_for(args, loop)

    def scored(candidate: Architecture, new: bool) -> None:
        if new:
            write_atomically(scores.to_json(), args.output)
        number, score = len(searcher.told), scores.values[candidate]
        print(f'{number}/{searcher.candidates}: {score:.6g}', file=sys.stderr)

    def describe(candidate: Architecture) -> Architecture:
        return with_cost(candidate, loop.table, config=args.config, checkpoint=args.checkpoint)

    score_candidates(searcher, held_out, scores, scored, describe)
    drawn = {describe(a): scores.values[a] for a in searcher.told}
    return Scores(scores.space, scores.rule, scores.evaluation, drawn)


def short(architecture: Architecture) -> str:
    """Stages separated by bars, ops by blanks, skipped layers left out: ``k3e6 k5e3 | k3e6``."""
    stages: dict[str, list[str]] = {}
    for choice, option in architecture.options:
        stages.setdefault(choice.partition('.')[0], []).extend([option] * (option != 'skip'))
    return ' | '.join(' '.join(ops) for ops in stages.values())


def table(scores: Scores, top: int) -> str:
    """The best for people to read; the file has every digit."""
    best = scores.ranking()[:top]
    costs = [unit.key for unit in UNITS.values() if unit.key in (best[0].cost or {})]
    rows = []
    for place, found in enumerate(best, 1):
        cost, score = found.cost or {}, f'{scores.values[found]:.6g}'
        rows.append(
            [str(place), score, *(f'{round(cost[key], 3):,}' for key in costs), short(found)]
        )
    return plain_table(['rank', 'score', *costs, 'architecture'], rows)


def place_in_chain(checkpoint: str, blocks: int, scores: Scores) -> str:
    """How good the network of this size is that a greedy search has kept, or nothing.

    Args:
        checkpoint: As given; the chain of a greedy search lies in its folder.
        blocks: The size.
        scores: Of networks of this size.
    """
    given = Path(checkpoint)
    folder = given if given.is_dir() else given.parent
    file = folder / f'chain/architecture_{blocks:02d}.json'
    kept = Architecture.read(file) if file.exists() else None
    if kept not in scores.values:
        return ''
    order = scores.ranking()
    place, score = order.index(kept) + 1, scores.values[kept]
    found = f'greedy search kept number {place} of {len(order)}, {short(kept)}: {score:.6g}'
    if scores.fitness(order[0]) > scores.fitness(kept):
        return f'{found}; the best is {short(order[0])}: {scores.values[order[0]]:.6g}'
    return f'{found}; none is better'


def main() -> None:
    args = parse_args()
    try:
        scores = rank(args)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f'rank.py: error: {error}')
    print(table(scores, args.top))
    if args.architectures:
        for place, found in enumerate(scores.ranking()[: args.top], 1):
            path = args.architectures / f'rank_{place:02d}.json'
            found.write(path)
    print(f'all scores: {args.output}')
    if args.blocks is not None:
        try:
            kept = place_in_chain(args.checkpoint, args.blocks, scores)
        except ValueError as error:
            sys.exit(f'rank.py: error: the chain beside the checkpoint cannot be read: {error}')
        if kept:
            print(kept)


if __name__ == '__main__':
    main()
