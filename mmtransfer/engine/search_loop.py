"""The loop of every search: it runs the steps that a searcher plans, scores the candidates that it
asks for, and lets the rest know what is found."""

import time
from collections.abc import Sequence
from typing import Any, cast

from mmengine.optim import OptimWrapperDict
from mmengine.registry import DefaultScope
from torch import nn

from mmtransfer.cost.table import table_for
from mmtransfer.data.batches import naming_norms
from mmtransfer.data.search_data import SearchData
from mmtransfer.engine.candidates import Candidates
from mmtransfer.engine.host import on_host, together
from mmtransfer.engine.learning import held_still
from mmtransfer.engine.scale_lr import scale_weights_alone
from mmtransfer.engine.search_optim import take_ordinary
from mmtransfer.engine.search_report import SearchLog, report_target
from mmtransfer.engine.search_state import SearchState
from mmtransfer.engine.terms import Terms
from mmtransfer.hooks.checks.channels import check_channels
from mmtransfer.hooks.checks.ranges import check_ranges
from mmtransfer.hooks.checks.run import ensure_checked
from mmtransfer.hooks.checks.schedule import warn_of_misfits
from mmtransfer.hooks.checks.search import (
    check_model,
    check_searcher,
    check_taken_over,
    find_supernet,
    searcher_config,
    split_settings,
)
from mmtransfer.hooks.checks.stock_hooks import check_hooks, replay_switches
from mmtransfer.hooks.statistics import ensure_averaged
from mmtransfer.models import unwrap
from mmtransfer.randomness import common_seed, seed_step
from mmtransfer.registry import LOOPS, SEARCHERS
from mmtransfer.scoring.held_out import Evaluation
from mmtransfer.search import Searcher, StepPlan
from mmtransfer.search.regularisers import terms_in_units
from mmtransfer.search.step import HELD_OUT
from mmtransfer.search.target import searcher_in_units


@LOOPS.register_module()
class SearchLoop(SearchState):
    """Runs the steps of a searcher, an epoch being one pass over the data that the weights learn
    from; then scores the candidates that it asks for.

    Everything random follows from (seed, purpose, iteration, rank), and the position of both
    loaders from the iteration, so a resumed run repeats an uninterrupted one bit for bit on the
    CPU.

    Args:
        runner: MMEngine's runner.
        dataloader: ``train_dataloader`` of the config.
        max_epochs: Passes over the training data.
        input_size: (H, W) at which the cost is counted.
        split: ``dict(arch=..., seed=int)``, where arch is the share of the images that is held out,
            in (0, 1), or the config of a dataset of their own. Nothing is held out for a searcher
            that does not ask for it.
        searcher: Config of the searcher; its ``target`` or ``maximum`` may be ``'seed'`` or a share
            of the seed's cost, see ``mmtransfer.search.target``.
        arch_begin, alternation: Of the ``DifferentiableSearcher``, which may have them in its
            own config as well.
        regularisers: Configs of terms added to the loss; a cost term's target likewise, or
            ``'searcher'`` for the searcher's.
        metric: What the cost is: ``'madds'``, ``'params'`` or ``'latency'`` in milliseconds. The
            targets of searcher and cost term have its unit.
        latency_table: For latency: a file of ``tools/measure_latency.py``, see
            ``mmtransfer.cost.table.table_for``.
        evaluation: How candidates are scored, the arguments of ``Evaluation``.
        shared_evaluation: Score the candidates of a step together, see ``Candidates``.
        val_begin, val_interval: As in MMEngine; validation runs the derived architecture.

    Raises:
        SearchConfigError, RangeError: An option is out of its range, or a setting of the runner
            cannot work here.
        LatencyTableError: The latency table is missing or was measured under other conditions.
    """

    checks_schedule = True
    default_searcher = 'DifferentiableSearcher'
    takes_any_searcher = True

    def __init__(
        self,
        runner,
        dataloader: dict,
        max_epochs: int,
        input_size: Sequence[int],
        arch_begin: int | None = None,
        alternation: Sequence[int] | None = None,
        split: dict | None = None,
        searcher: dict | None = None,
        regularisers: Sequence[dict] = (),
        metric: str = 'madds',
        latency_table: str | dict | None = None,
        evaluation: dict | None = None,
        shared_evaluation: bool | None = None,
        val_begin: int = 1,
        val_interval: int = 1,
    ) -> None:
        ranged = dict(max_epochs=max_epochs, val_interval=val_interval, arch_begin=arch_begin)
        check_ranges({**ranged, 'input_size': input_size, 'searcher': searcher})
        check_model(runner)
        self.seed = _seed(runner)
        self.model = unwrap(runner.model)
        self.supernet = find_supernet(self.model)
        check_channels(self.model)
        self.table = table_for(
            dict(input_size=input_size, metric=metric, latency_table=latency_table),
            self.supernet.space,
            self.supernet.output_stride,
            self.supernet.in_channels,
        )
        searcher = searcher_in_units(searcher or {'type': self.default_searcher}, self.table)
        self.searcher = self._searcher(searcher, arch_begin, alternation)
        terms = terms_in_units(regularisers, self.table, searcher.get('target'))
        self.terms = Terms(terms, cast(nn.Module, self.supernet), self.table, self.supernet)
        check_searcher(self.searcher, self.supernet, evaluation, self.terms.regularisers)
        check_taken_over(runner, self.supernet, self.searcher.kinds)
        self.evaluation = Evaluation(**(evaluation or {}))
        self.candidates = Candidates(
            self.searcher, self.supernet, self.evaluation, shared_evaluation
        )
        self.data = SearchData(dataloader, self.seed, *split_settings(split, self.searcher))
        super().__init__(runner, self.data.training, max_epochs, val_begin, val_interval)

        self.log = SearchLog(runner, self.table)
        self.completed = 0  # iterations
        logits = self.supernet.architecture_parameters()
        known = {id(p) for p in logits}
        weights = [p for p in self.model.parameters() if id(p) not in known]
        self._learners = {'weights': weights, 'arch': logits}
        self._add_hooks()
        take_ordinary(runner, self.searcher.kinds)
        scale_weights_alone(runner)

    def _searcher(
        self, config: dict, arch_begin: int | None, alternation: Sequence[int] | None
    ) -> Searcher:
        only = None if self.takes_any_searcher else self.default_searcher
        with DefaultScope.overwrite_default_scope('mmtransfer'):  # these have no parent registry
            return SEARCHERS.build(
                searcher_config(config, only, arch_begin, alternation),
                default_args=dict(supernet=self.supernet, table=self.table, seed=self.seed),
            )

    def _add_hooks(self) -> None:
        """Those that a search needs and the config does not name."""
        ensure_averaged(self.runner)
        ensure_checked(self.runner)
        present = {type(hook).__name__ for hook in self.runner.hooks}
        for name in self.searcher.hooks:
            if name not in present:
                self.runner.register_hook(dict(type=f'mmtransfer.{name}'))
        check_hooks(self.runner, self.dataloader, search=True)

    def run(self) -> nn.Module:
        """Search, validating what is found as the config says."""
        self.candidates.prepare(self.scoring_inputs)
        self.completed = self._iter
        warn_of_misfits(self)
        replay_switches(self.runner, self)
        self.data.follow_exchange()
        self.runner.call_hook('before_train')
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._decide_current_val_interval()
            if self._is_validated():
                self._validate()
        # Also where EarlyStoppingHook has ended the training.
        if self.candidates.score(self.runner, self.table, self.described):
            self._validate()
        self.runner.call_hook('after_train')
        report_target(self.runner.logger, self.table, self.searcher.target, self.found())
        return self.runner.model

    def _is_validated(self) -> bool:
        """Whether a validation follows this epoch: of the last one when the result is known."""
        if self._epoch == self._max_epochs:
            return not self.candidates.awaited
        return self._epoch >= self.val_begin and self._epoch % self.val_interval == 0

    def _validate(self) -> None:
        if self.runner.val_loop is not None:
            with self.supernet.evaluating(self.evaluated()):
                self.runner.val_loop.run()

    def run_epoch(self) -> None:
        """One pass over the training data, from where the iteration count says."""
        self.runner.call_hook('before_train_epoch')
        self.data.follow_exchange()
        self.runner.model.train()
        start = self._iter - self._epoch * len(self.dataloader)
        self.dataloader.start_at(self._epoch, start)
        batches = iter(self.dataloader)
        for index in range(start, len(self.dataloader)):
            began = time.perf_counter()
            batch = next(batches)
            self.run_iter(index, batch, time.perf_counter() - began)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def run_iter(self, idx: int, data_batch: Any, waited: float = 0.0) -> None:
        """The steps of one iteration."""
        began = time.perf_counter() - waited
        self.runner.call_hook('before_train_iter', batch_idx=idx, data_batch=data_batch)
        outputs: dict[str, Any] = {}
        for plan in self.searcher.steps(self._iter, len(self.dataloader)):
            if plan.data == HELD_OUT:
                loading = time.perf_counter()
                batch = self.data.held_out_batch(plan.number)
                waited += time.perf_counter() - loading
                self.log(**self._step(plan, batch))
            else:
                outputs.update(self._step(plan, data_batch))
        self.completed = self._iter + 1
        if self.log.due(idx + 1, len(self.dataloader)):
            self.log.found(self.found())
        self.log(data_share=waited / (time.perf_counter() - began))
        self.runner.call_hook(
            'after_train_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs
        )
        self._iter += 1

    def _step(self, plan: StepPlan, batch: Any) -> dict[str, Any]:
        """Run a step; returns what is to be logged of it.

        No gradient and no random state of an earlier step reaches it.
        """
        self.model.zero_grad(set_to_none=True)
        seed_step(self.seed, plan.kind, plan.number)
        self.supernet.select(plan.selection)
        still = [p for part in self._learners.keys() - {*plan.learns} for p in self._learners[part]]
        optimiser = self._optimiser(plan)
        try:
            with (
                naming_norms(self.model),
                held_still(self.model, still, statistics=not plan.statistics),
                self.terms.joining(optimiser, plan.kind, self._iter, batch),
            ):
                outputs = self.runner.model.train_step(batch, optimiser)
        finally:
            self.supernet.release()
        if plan.data == HELD_OUT:
            outputs = {f'{plan.kind}_loss': outputs['loss']}
        return self._read(plan, {**outputs, **optimiser.norms})

    def _optimiser(self, plan: StepPlan) -> Any:
        """The optimiser of what learns: of its part, or the one for all."""
        given = self.runner.optim_wrapper
        return given[plan.learns[0]] if isinstance(given, OptimWrapperDict) else given

    def _read(self, plan: StepPlan, outputs: dict[str, Any]) -> dict[str, Any]:
        """All that the host is to know of a step and, until the next one, of the logits."""
        if 'arch' not in plan.learns:
            return on_host(outputs)  # hooks log them one by one
        probabilities = self.supernet.probabilities()
        searched = self.table.expected(probabilities)
        outputs, vectors = together(outputs, {'': searched, **probabilities})
        (cost,) = vectors.pop('')
        self.log.cost('expected', cost + self.table.fixed)
        self.searcher.stepped(plan, vectors)
        return outputs


@LOOPS.register_module()
class GreedyBlockSearchLoop(SearchLoop):
    """The name of the loop in configs of a greedy search, whose searcher it takes by default."""

    default_searcher = 'GreedyBlockSearcher'
    takes_any_searcher = False


def _seed(runner: Any) -> int:
    """The seed of the run; a search without a fixed one could not be resumed exactly."""
    if runner._randomness_cfg.get('seed') is None and not runner._resume:
        runner.logger.info(f'randomness.seed is not set; this run uses {runner.seed}.')
    return common_seed(runner)
