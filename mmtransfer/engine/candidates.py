"""What follows the last step of a search: its searcher's candidates are scored."""

from collections.abc import Callable, Mapping
from typing import Any

from mmtransfer.architecture import Architecture
from mmtransfer.backbones import DepthSupernet
from mmtransfer.cost.table import CostTable
from mmtransfer.engine.candidate_phase import run_candidate_phase
from mmtransfer.hooks.averaged import averaged
from mmtransfer.hooks.checks.search import SearchConfigError
from mmtransfer.models import Supernet
from mmtransfer.scoring.held_out import Evaluation, HeldOut, ScoringInputs
from mmtransfer.scoring.shared_prefixes import SharedHeldOut
from mmtransfer.search import GreedyBlockSearcher, Scores


class Candidates:
    """The candidates of a search; there is nothing to do for a searcher that asks for none.

    Args:
        searcher: Asks.
        supernet: Runs them.
        settings: How they are scored.
        shared: Score those of a step together, with what they share run once; None: where searcher
            and supernet can. The scores are the same.

    Attributes:
        scorer: Candidate -> score; None before ``prepare``.
        scores: None until the first candidate is asked for.

    Raises:
        SearchConfigError: They are to be scored together where that cannot be.
    """

    def __init__(
        self, searcher: Any, supernet: Supernet, settings: Evaluation, shared: bool | None = None
    ) -> None:
        can = isinstance(supernet, DepthSupernet) and isinstance(searcher, GreedyBlockSearcher)
        if shared and not can:
            raise SearchConfigError(
                f'shared evaluation needs a DepthSupernet and a GreedyBlockSearcher; received a '
                f'{type(supernet).__name__} and a {type(searcher).__name__}. Leave '
                f'shared_evaluation out.'
            )
        self.searcher = searcher
        self.settings = settings
        self.shares = can if shared is None else shared
        self.scorer: Any = None
        self.scores: Scores | None = None
        self._restored: Any = None  # the scores of a checkpoint

    @property
    def awaited(self) -> bool:
        """Whether the search is not over before candidates are scored."""
        return self.searcher.candidates > 0 and self.scores is None

    def prepare(self, inputs: Callable[[], ScoringInputs]) -> None:
        """Refuse, before the first step, what could not be scored after the last one.

        Raises:
            EvaluationError: Says what is missing.
        """
        if self.awaited:
            self.scorer = (
                SharedHeldOut(inputs(), self.settings, self._pending)
                if self.shares
                else HeldOut(inputs(), self.settings)
            )
            self.scorer.scorer.check()

    def _pending(self) -> list[Architecture]:
        """The candidates of this step that have no score yet."""
        known = self.scores.values if self.scores else {}
        return [c for c in self.searcher.pending() if c not in known]

    def score(
        self, runner: Any, table: CostTable, describe: Callable[[Architecture], Architecture]
    ) -> bool:
        """Score them all; returns whether there were any.

        Args:
            runner: MMEngine's.
            table: What they cost.
            describe: Candidate -> the same with what is to be noted of it.

        Raises:
            ScoresError: None has a finite score.
        """
        if not self.awaited:
            return False
        with averaged(runner):
            self.scores = self.scorer.scores()
            run_candidate_phase(
                runner, self.searcher, self.scorer, self.scores, table, describe, self._restored
            )
        count = getattr(self.scorer, 'blocks', None)
        if count is not None and count.alone:
            runner.logger.info(
                f'{count.run:,} block evaluations in place of {count.alone:,}, one by one '
                f'({count.run / count.alone:.0%}).'
            )
        return True

    def state(self) -> dict[str, Any]:
        """What a checkpoint says of them."""
        if not self.searcher.candidates:
            return {}
        # Without what the scores know from elsewhere: it may lie outside this searcher's bound.
        told = self.scores and self.scores.only(self.searcher.told)
        return {'scores': told and told.to_data()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of ``state``."""
        self._restored = state.get('scores')
