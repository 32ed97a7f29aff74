"""The loop of a greedy block search: a supernet trained by sampled paths, then the chain of
networks, each grown from the one before (block allocation, Sec. 3.3)."""

import json
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from torch import nn

from mmtransfer.architecture import Architecture
from mmtransfer.backbones import DepthSupernet
from mmtransfer.cost.metrics import METRICS
from mmtransfer.engine.search_loop import SearchLoop
from mmtransfer.files import write_atomically
from mmtransfer.hooks.checks.search import SearchConfigError
from mmtransfer.registry import LOOPS
from mmtransfer.report.chain import Member, bracketed, chain_table, draw_chain
from mmtransfer.scoring.held_out import HeldOut
from mmtransfer.scoring.shared_prefixes import SharedHeldOut
from mmtransfer.search import GreedyBlockSearcher, Scores, beaten

_GREEDY = 'GreedyBlockSearcher'


@LOOPS.register_module()
class GreedyBlockSearchLoop(SearchLoop):
    """Trains sampled paths, searches greedily, and writes the chain of networks.

    The work directory gets ``chain/architecture_{blocks}.json``, one file per size; ``chain.json``,
    the allocations with their costs, scores and all metrics; ``chain.md``, the same as a table; and
    ``chain.png``, the score against the cost. ``architecture.json`` is the largest network.

    A search that was stopped goes on after the last evaluation that is in ``candidates.json``.

    Args:
        runner, dataloader: See :class:`SearchLoop`.
        searcher: A :class:`GreedyBlockSearcher`; by default one that ends with the whole supernet.
        shared_evaluation: Score the candidates of a step together, with what they share run once;
            None: where the supernet can, which is a :class:`DepthSupernet`. The scores are the
            same.
        **kwargs: See :class:`SearchLoop`.

    Raises:
        SearchConfigError: Another searcher, or shared evaluation with another supernet.
    """

    base = 'greedy'

    def __init__(
        self,
        runner,
        dataloader: dict,
        *,
        searcher: dict | None = None,
        shared_evaluation: bool | None = None,
        **kwargs: Any,
    ) -> None:
        searcher = dict(searcher or {'type': _GREEDY})
        super().__init__(runner, dataloader, searcher=searcher, **kwargs)
        if not isinstance(self.searcher, GreedyBlockSearcher):
            raise SearchConfigError(
                f'a greedy search needs searcher.type to be mmtransfer.{_GREEDY}; received '
                f'{searcher["type"]!r}. Use it, or train_cfg.type=mmtransfer.SearchLoop.'
            )
        can = isinstance(self.supernet, DepthSupernet)
        if shared_evaluation and not can:
            raise SearchConfigError(
                f'shared evaluation needs a DepthSupernet; the supernet is a '
                f'{type(self.supernet).__name__}. Leave shared_evaluation out.'
            )
        self.shares = can if shared_evaluation is None else shared_evaluation

    def held_out(self) -> HeldOut:
        """What scores the candidates, those of a step together or each alone."""
        inputs, settings = self.scoring_inputs(), self.evaluation
        self.scoring = (
            SharedHeldOut(inputs, settings, self._pending)
            if self.shares
            else HeldOut(inputs, settings)
        )
        return self.scoring

    def _pending(self) -> list[Architecture]:
        """The candidates of this step that have no score yet."""
        known = self.scores.values if self.scores else {}
        return [c for c in self.searcher.pending() if c not in known]

    def run(self) -> nn.Module:
        """Train, search, write the chain."""
        model = super().run()
        if self.scores is not None and self.searcher.chain and is_main_process():
            self._report(self.scores)
        return model

    def _report(self, scores: Scores) -> None:
        folder, searcher = Path(self.runner.work_dir), self.searcher
        unit = METRICS[self.table.metric]
        known = {a: a for a in scores.values}  # with what is noted of them
        chain = [known[a] for a in searcher.chain]
        better = beaten(searcher, scores)
        for stale in (folder / 'chain').glob('architecture_*.json'):
            stale.unlink()  # of an earlier search in this folder
        for kept in chain:
            kept.write(folder / f'chain/architecture_{searcher.size(kept):02d}.json')
        metric, cost = self.evaluation.metric, f'{unit.key} ({unit.suffix})'
        entries = [chain_entry(a, searcher, scores, metric, better.get(a)) for a in chain]
        write_atomically(json.dumps(entries, indent=1, allow_nan=False) + '\n',
                         folder / 'chain.json')  # fmt: skip
        members = [self._member(a, scores) for a in chain]
        write_atomically(chain_table(members, metric, cost) + '\n', folder / 'chain.md')
        draw_chain(members, metric, cost).savefig(folder / 'chain.png')
        for kept, rival in better.items():
            self.runner.logger.warning(
                f'greedy search is not optimal at {searcher.size(kept)} blocks: {label(kept)} '
                f'scores {scores.values[kept]:.6g}, {label(rival)} {scores.values[rival]:.6g}.'
            )
        if isinstance(self.scoring, SharedHeldOut) and self.scoring.blocks.alone:
            count = self.scoring.blocks
            self.runner.logger.info(
                f'{count.run:,} block evaluations in place of {count.alone:,}, one by one '
                f'({count.run / count.alone:.0%}).'
            )
        self.runner.logger.info(f'the chain of {len(chain)} networks: {folder / "chain.md"}')

    def _member(self, kept: Architecture, scores: Scores) -> Member:
        scale = METRICS[self.table.metric].scale
        return Member(
            label(kept),
            self.searcher.size(kept),
            self.table.of(kept) / scale,
            scores.values[kept],
            scores.metrics.get(kept, {}),
            tuple(
                (self.table.of(a) / scale, scores.values[a])
                for a in self.searcher.step_of(kept)
                if a != kept
            ),
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
