"""The report of a greedy block search: one file per network of the chain, a table and a picture."""

import json
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from mmtransfer.architecture import Architecture
from mmtransfer.cost.metrics import METRICS
from mmtransfer.cost.table import CostTable
from mmtransfer.files import write_atomically
from mmtransfer.registry import HOOKS
from mmtransfer.report.chain import Member, bracketed, chain_table, draw_chain
from mmtransfer.search import GreedyBlockSearcher, Scores, beaten


@HOOKS.register_module()
class ChainReportHook(Hook):
    """Writes the chain of networks when the search has ended.

    The work directory gets ``chain/architecture_{blocks}.json``, one file per size; ``chain.json``,
    the allocations with their costs, scores and all metrics; ``chain.md``, the same as a table; and
    ``chain.png``, the score against the cost. A ``GreedyBlockSearcher`` brings it along.
    """

    priority = 'LOWEST'  # after the last checkpoint

    def after_train(self, runner) -> None:
        """Called when the search ends, or when it has been stopped."""
        loop = runner.train_loop
        if loop.scores is None or not loop.searcher.chain or not is_main_process():
            return
        folder, better = Path(runner.work_dir), beaten(loop.searcher, loop.scores)
        known = {a: a for a in loop.scores.values}  # with what is noted of them
        chain = [known[a] for a in loop.searcher.chain]
        write_chain(folder, chain, loop.searcher, loop.scores, loop.evaluation.metric, loop.table)
        for kept, rival in better.items():
            runner.logger.warning(
                f'greedy search is not optimal at {loop.searcher.size(kept)} blocks: {label(kept)} '
                f'scores {loop.scores.values[kept]:.6g}, {label(rival)} '
                f'{loop.scores.values[rival]:.6g}.'
            )
        runner.logger.info(f'the chain of {len(chain)} networks: {folder / "chain.md"}')


def write_chain(
    folder: Path,
    chain: list[Architecture],
    searcher: GreedyBlockSearcher,
    scores: Scores,
    metric: str,
    table: CostTable,
) -> None:
    """Write all files of a chain; those of an earlier search in this folder are removed.

    Args:
        folder: The work directory.
        chain: Its members, with their costs noted.
        searcher: After its search.
        scores: Of all candidates.
        metric: Name of the score.
        table: Of the costs.
    """
    unit, better = METRICS[table.metric], beaten(searcher, scores)
    cost = f'{unit.key} ({unit.suffix})'
    for stale in (folder / 'chain').glob('architecture_*.json'):
        stale.unlink()
    for kept in chain:
        kept.write(folder / f'chain/architecture_{searcher.size(kept):02d}.json')
    entries = [chain_entry(a, searcher, scores, metric, better.get(a)) for a in chain]
    text = json.dumps(entries, indent=1, allow_nan=False)
    write_atomically(f'{text}\n', folder / 'chain.json')
    members = [chain_member(a, searcher, scores, table) for a in chain]
    write_atomically(f'{chain_table(members, metric, cost)}\n', folder / 'chain.md')
    draw_chain(members, metric, cost).savefig(folder / 'chain.png')


def chain_member(
    kept: Architecture, searcher: GreedyBlockSearcher, scores: Scores, table: CostTable
) -> Member:
    """What table and picture show of one network; arguments as of ``write_chain``."""
    scale = METRICS[table.metric].scale
    rivals = [a for a in searcher.step_of(kept) if a != kept]
    return Member(
        label(kept),
        searcher.size(kept),
        table.of(kept) / scale,
        scores.values[kept],
        scores.metrics.get(kept, {}),
        tuple((table.of(a) / scale, scores.values[a]) for a in rivals),
    )


def chain_entry(
    kept: Architecture,
    searcher: GreedyBlockSearcher,
    scores: Scores,
    metric: str,
    better: Architecture | None = None,
) -> dict[str, Any]:
    """A member of the chain as JSON values, with the candidates of its step, itself included.

    Args:
        kept: With its cost noted.
        searcher: After its search.
        scores: Of all candidates.
        metric: Name of the score.
        better: A scored architecture of its size that is better, if one is known.
    """
    size = searcher.size(kept)
    return {
        'size': size,
        'metric': metric,
        'options': list(kept.as_dict.values()),
        'score': scores.to_number(kept),
        'cost': kept.cost,
        'metrics': dict(scores.metrics.get(kept, {})),
        'file': f'chain/architecture_{size:02d}.json',
        'candidates': [
            {'options': list(a.as_dict.values()), 'score': scores.to_number(a)}
            for a in searcher.step_of(kept)
        ],
        'better': better and {
            'options': list(better.as_dict.values()), 'score': scores.to_number(better)
        },
    }  # fmt: skip


def label(architecture: Architecture) -> str:
    """The options in brackets: ``[1, 3, 7, 5]``."""
    return bracketed(architecture.as_dict.values())
