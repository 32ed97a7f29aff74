"""Architectures scored by the weights of a supernet, and how the scores are shown."""

import argparse
import sys
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmtransfer.architecture import Architecture
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.checkpoints.tensors import tensors_of
from mmtransfer.cost.config import own_backbone_configs
from mmtransfer.cost.metrics import METRICS
from mmtransfer.cost.noted import with_cost
from mmtransfer.engine.candidate_phase import say_undecided
from mmtransfer.files import write_atomically
from mmtransfer.hooks.fit import check_tensors
from mmtransfer.lock import lock_folder
from mmtransfer.randomness import draw_rng
from mmtransfer.remap.sources import check_space
from mmtransfer.report import plain_table
from mmtransfer.scoring.held_out import Evaluation, HeldOut
from mmtransfer.search import (
    CandidateSearcher,
    ListSearcher,
    RandomSearcher,
    Scores,
    cost_in_units,
    ladder,
    score_candidates,
    some_of_size,
)
from mmtransfer.search.candidates import at_least
from mmtransfer.tools._config import check_search, read_config


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
    for backbone in own_backbone_configs(cfg.model, cfg.get('default_scope')).values():
        backbone.init_cfg = None
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
        cost = args.cost if args.cost is None else cost_in_units(args.cost, table, '--cost')
        return RandomSearcher(supernet, table, args.seed, args.samples, cost, args.tolerance)
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
    lock = lock_folder(cfg.work_dir)
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
    held_out = HeldOut(loop.scoring_inputs(), Evaluation(**settings))
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
    del lock  # FILE is whole
    if undecided := say_undecided(searcher, scores):
        print(undecided, file=sys.stderr)
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
    costs = [metric.key for metric in METRICS.values() if metric.key in (best[0].cost or {})]
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
