"""The loop of a search: weight steps on one part of the data; on the other, architecture steps
(FNA++, Sec. 3.2.2) or the scoring of candidates (Sec. 4.8)."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.registry import DefaultScope
from mmengine.runner import EpochBasedTrainLoop
from torch import nn

from mmtransfer.architecture import Architecture
from mmtransfer.cost.noted import with_cost
from mmtransfer.cost.table import table_for
from mmtransfer.data.batches import naming_norms
from mmtransfer.data.loaders import EpochLoader, build_loader
from mmtransfer.data.split import SPLIT_RULE, say_other_split, split_dataset
from mmtransfer.engine.arch_step import architecture_step
from mmtransfer.engine.candidate_phase import run_candidate_phase
from mmtransfer.engine.host import numbers, on_host
from mmtransfer.engine.scale_lr import scale_weights_alone
from mmtransfer.engine.search_report import SearchLog, report_target
from mmtransfer.hooks.averaged import averaged
from mmtransfer.hooks.checks.channels import check_channels
from mmtransfer.hooks.checks.ranges import check_ranges
from mmtransfer.hooks.checks.run import ensure_checked
from mmtransfer.hooks.checks.schedule import warn_of_misfits
from mmtransfer.hooks.checks.search import (
    SearchConfigError,
    check_searcher,
    check_settings,
    check_taken_over,
    check_wrapper,
    find_supernet,
)
from mmtransfer.hooks.checks.stock_hooks import check_hooks, replay_switches
from mmtransfer.hooks.statistics import ensure_averaged
from mmtransfer.models import unwrap
from mmtransfer.randomness import common_seed, draw_seed, seed_step
from mmtransfer.registry import LOOPS, REGULARISERS, SEARCHERS
from mmtransfer.scoring.held_out import Evaluation, HeldOut, ScoringInputs
from mmtransfer.search import Scores, Step
from mmtransfer.search.regularisers import terms_in_units
from mmtransfer.search.target import searcher_in_units
from mmtransfer.spaces import closest_to_seed


@LOOPS.register_module()
class SearchLoop(EpochBasedTrainLoop):
    """Alternates architecture and weight steps; an epoch is one pass over the weights' part. With a
    searcher that asks for candidates there are weight steps only, and candidates are scored then.

    Everything random follows from (seed, purpose, iteration, rank), and the position of both
    loaders from the iteration, so a resumed run repeats an uninterrupted one bit for bit on the
    CPU.

    Args:
        runner: MMEngine's runner.
        dataloader: ``train_dataloader`` of the config; its dataset is split in two.
        max_epochs: Epochs of weight steps.
        arch_begin: The epoch (from 0) in which architecture steps begin; before it paths are drawn
            uniformly. None, for searchers that score candidates: there are none.
        alternation: ``(architecture steps, weight steps)`` per round, architecture first.
        input_size: (H, W) at which the cost is counted.
        split: ``dict(arch=..., seed=int)``, where arch is the share of the data for architecture
            steps, in (0, 1), or the config of a dataset of their own.
        searcher: Config of the searcher; its ``target`` or ``maximum`` may be ``'seed'`` or a share
            of the seed's cost, see :mod:`mmtransfer.search.target`.
        regularisers: Configs of terms added to the loss; a cost term's target likewise, or
            ``'searcher'`` for the searcher's.
        metric: What the cost is: ``'madds'``, ``'params'`` or ``'latency'`` in milliseconds. The
            targets of searcher and cost term have its unit.
        latency_table: For latency: a file of ``tools/measure_latency.py``, see
            :func:`mmtransfer.cost.table.table_for`.
        evaluation: How candidates are scored, the arguments of :class:`Evaluation`.
        val_begin, val_interval: As in MMEngine; validation runs the derived architecture.

    Raises:
        SearchConfigError, RangeError: An option is out of its range, or a setting of the runner
            cannot work here.
        LatencyTableError: The latency table is missing or was measured under other conditions.
    """

    base = 'search'  # the variable of our base configs that holds what such a search replaces
    checks_schedule = True

    def __init__(
        self,
        runner,
        dataloader: dict,
        max_epochs: int,
        input_size: Sequence[int],
        arch_begin: int | None = None,
        alternation: Sequence[int] = (1, 1),
        split: dict | None = None,
        searcher: dict | None = None,
        regularisers: Sequence[dict] = (),
        metric: str = 'madds',
        latency_table: str | dict | None = None,
        evaluation: dict | None = None,
        val_begin: int = 1,
        val_interval: int = 1,
    ) -> None:
        ranged = dict(max_epochs=max_epochs, val_interval=val_interval, arch_begin=arch_begin)
        check_ranges({**ranged, 'input_size': input_size})
        split = dict(split or {})
        share, split_seed = split.pop('arch', 0.5), split.pop('seed', 0)
        if split:
            raise SearchConfigError(
                f'split may hold "arch" and "seed"; received also {sorted(split)}.'
            )
        check_settings(runner.cfg, arch_begin, alternation)
        check_taken_over(runner.optim_wrapper, runner.param_schedulers, runner.hooks, self.base)
        check_wrapper(runner.model)
        self.seed = _seed(runner)
        self._config = dataloader
        self._parts = split_dataset(dataloader['dataset'], share, split_seed)
        loader, self.arch_dataloader = self._loaders()
        super().__init__(runner, loader, max_epochs, val_begin, val_interval)
        self.arch_begin = arch_begin
        self.arch_per_round, self.weights_per_round = alternation

        self.model = unwrap(runner.model)
        check_channels(self.model)
        ensure_checked(runner)
        self.supernet = find_supernet(self.model)
        self.table = table_for(
            dict(input_size=input_size, metric=metric, latency_table=latency_table),
            self.supernet.space,
            self.supernet.output_stride,
            self.supernet.in_channels,
        )
        searcher = searcher_in_units(searcher or {'type': 'DifferentiableSearcher'}, self.table)
        with DefaultScope.overwrite_default_scope('mmtransfer'):  # these have no parent registry
            self.searcher: Any = SEARCHERS.build(
                searcher,
                default_args=dict(supernet=self.supernet, table=self.table, seed=self.seed),
            )
            terms = terms_in_units(regularisers, self.table, searcher.get('target'))
            self.regularisers = [REGULARISERS.build(term) for term in terms]
        for regulariser in self.regularisers:
            regulariser.check(self.table)
        self.asks = hasattr(self.searcher, 'ask')
        check_searcher(self.asks, arch_begin, evaluation, self.regularisers)
        if not self.asks and not self.supernet.architecture_parameters():
            raise SearchConfigError(
                f'a searcher that learns by architecture steps needs a supernet with logits; '
                f'{type(self.supernet).__name__} has none. Set model.backbone.differentiable=True, '
                f'or use a searcher that scores candidates.'
            )
        self.evaluation = Evaluation(**(evaluation or {}))
        self.log = SearchLog(runner, self.table)
        self.scores: Scores | None = None  # of the candidates, if the searcher asks for them
        self.restored: dict | None = None  # what a checkpoint knew of them
        self.completed = 0  # weight steps
        logits = {id(p) for p in self.supernet.architecture_parameters()}
        self._weights = [p for p in self.model.parameters() if id(p) not in logits]
        self._arch_batches: Iterator | None = None
        # The part of a split that is a share is read as the other one is, whatever hooks exchange.
        self._exchanged = None if isinstance(share, Mapping) else loader.exchanged()
        ensure_averaged(runner)
        check_hooks(runner, loader, search=True)
        scale_weights_alone(runner)

    def _loaders(self) -> list[EpochLoader]:
        """Of the weights' part and of the architecture's."""
        return [
            build_loader(self._config, data, draw_seed(self.seed, f'{name} batches'))
            for name, data in zip(('weight', 'architecture'), self._parts, strict=True)
        ]

    # ---- what others ask the loop ----

    def found(self) -> Architecture | None:
        """What the searcher has found with the parameters that are validated and saved; None before
        it has learned or scored anything."""
        if self.asks:
            return self.searcher.architecture()
        with averaged(self.runner):
            return self.searcher.architecture()

    def evaluated(self) -> Architecture:
        """What a validation runs now: what is found so far, before that what is nearest to the
        seed."""
        return self.found() or closest_to_seed(self.supernet.space)

    def derive(self) -> Architecture | None:
        """The architecture found so far, with its cost and how far the search is; None before there
        is one."""
        found = self.found()
        return None if found is None else self.described(found)

    def described(self, architecture: Architecture) -> Architecture:
        """An architecture with its cost and where it comes from."""
        return with_cost(
            architecture,
            self.table,
            iteration=self.completed,
            seed=self.seed,
            config=getattr(self.runner, 'experiment_name', ''),
            **self.progress(),
        )

    def progress(self) -> dict[str, int | bool]:
        """How far the search is: epochs that are over, and whether it has ended."""
        ended = self.completed >= self._max_iters or self.stop_training
        progress = {
            'epoch': self.completed // len(self.dataloader),
            'max_epochs': self._max_epochs,
            'finished': ended and (not self.asks or self.scores is not None),
        }
        return progress if self.asks else {**progress, 'arch_steps': self.searcher.steps}

    def checkpoint_state(self) -> dict:
        """What a checkpoint says of the search beside the weights."""
        state = {
            'fingerprint': self.supernet.space.fingerprint,
            'iteration': self._iter,
            'split': SPLIT_RULE,
            'search': self.progress(),
            'evaluated': list(self.evaluated().as_dict.values()),
        }
        if self.asks:
            # Without what the scores know from elsewhere: it may lie outside this searcher's bound.
            told = self.scores and self.scores.only(self.searcher.told)
            state['scores'] = told and told.to_data()
            found = self.searcher.architecture()  # of a greedy search: not what scored best
            state['found'] = found and list(found.as_dict.values())
        return state

    def restore(self, state: dict) -> None:
        """Take what :meth:`checkpoint_state` said when the checkpoint was written."""
        self.restored = state.get('scores')
        if moved := say_other_split(state, self.runner.cfg.train_cfg.get('split')):
            self.runner.logger.warning(moved)
        if not self.asks:  # checkpoints of the first versions do not say how many steps there were
            before = self._arch_steps_before(state['iteration'])
            self.searcher.steps = state.get('search', {}).get('arch_steps', before)

    def adopt_seed(self, seed: int) -> None:
        """Go on with the seed of the run that is resumed."""
        self.seed = self.searcher.seed = seed
        self.dataloader, self.arch_dataloader = self._loaders()
        if self._exchanged is not None:
            self._exchanged = self.dataloader.exchanged()

    @property
    def planned_arch_steps(self) -> tuple[int, int] | None:
        """``arch_begin``, and how many architecture steps the whole run takes."""
        if self.arch_begin is None:
            return None
        return self.arch_begin, self._arch_steps_before(self._max_iters)

    def _arch_steps_before(self, iteration: int) -> int:
        rounds = math.ceil(max(0, self._since_begin(iteration)) / self.weights_per_round)
        return rounds * self.arch_per_round

    def _since_begin(self, iteration: int) -> int:
        """Iterations since the first one with an architecture step; below 0 before it."""
        begin = self._max_epochs if self.arch_begin is None else self.arch_begin
        return iteration - begin * len(self.dataloader)

    # ---- the loop ----

    def run(self) -> nn.Module:
        """Search, validating the derived architecture as the config says."""
        held_out = self.held_out() if self.asks else None
        if held_out is not None:
            held_out.scorer.check()
        for kind in self.runner.optim_wrapper.keys():
            self.runner.optim_wrapper[kind].terms = lambda kind=kind: self._terms(kind)
        self.completed = self._iter
        warn_of_misfits(self)
        replay_switches(self.runner, self)
        self._follow_exchange()
        self.runner.call_hook('before_train')
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._decide_current_val_interval()
            due = self._epoch >= self.val_begin and self._epoch % self.val_interval == 0
            last = self._epoch == self._max_epochs
            if last and not self.asks or due and not last:
                self._validate()
        if held_out is not None:  # also where EarlyStoppingHook has ended the training
            with averaged(self.runner):
                self.scores = held_out.scores()
                run_candidate_phase(
                    self.runner,
                    self.searcher,
                    held_out,
                    self.scores,
                    self.table,
                    self.described,
                    self.restored,
                )
            self._validate()
        self.runner.call_hook('after_train')
        report_target(self.runner.logger, self.table, self.searcher.target, self.found())
        return self.runner.model

    def held_out(self) -> HeldOut:
        """What scores the candidates."""
        return HeldOut(self.scoring_inputs(), self.evaluation)

    def scoring_inputs(self) -> ScoringInputs:
        """What scores follow from."""
        return ScoringInputs(
            model=self.model,
            supernet=self.supernet,
            weights_loader=self.dataloader,
            held_out_loader=self.arch_dataloader,
            config=self.runner.cfg,
            work_dir=Path(self.runner.work_dir),
            seed=self.seed,
        )

    def _validate(self) -> None:
        if self.runner.val_loop is not None:
            with self.supernet.evaluating(self.evaluated()):
                self.runner.val_loop.run()

    def run_epoch(self) -> None:
        """One pass over the weights' part, from where the iteration count says."""
        self.runner.call_hook('before_train_epoch')
        self._follow_exchange()
        self.runner.model.train()
        start = self._iter - self._epoch * len(self.dataloader)
        self.dataloader.at(self._epoch, start)
        batches = iter(self.dataloader)
        for index in range(start, len(self.dataloader)):
            began = time.perf_counter()
            batch = next(batches)
            self.run_iter(index, batch, time.perf_counter() - began)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _follow_exchange(self) -> None:
        """What a hook has exchanged in the weights' part (mmdet's PipelineSwitchHook) holds for the
        architecture's part too, from its next batch on."""
        if self._exchanged is None:
            return
        before, self._exchanged = self._exchanged, self.dataloader.exchanged()
        new = {k: v for k, v in self._exchanged.items() if v is not before.get(k)}
        if new:
            self.arch_dataloader.exchange(new)
            self._arch_batches = None

    def run_iter(self, idx: int, data_batch: Any, waited: float = 0.0) -> None:
        """One weight step, preceded by the architecture steps that are due."""
        began = time.perf_counter() - waited
        self.runner.call_hook('before_train_iter', batch_idx=idx, data_batch=data_batch)
        since = self._since_begin(self._iter)
        if since >= 0 and since % self.weights_per_round == 0:
            first = since // self.weights_per_round * self.arch_per_round
            for number in range(first, first + self.arch_per_round):
                loading = time.perf_counter()
                arch_batch = self._arch_batch(number)
                waited += time.perf_counter() - loading
                self._arch_step(arch_batch, number)
        outputs = self._weight_step(data_batch, uniform=since < 0)
        self.completed = self._iter + 1
        if self.log.due(idx + 1, len(self.dataloader)) and not self.asks:
            self.log.found(self.found())
        self.log(data_share=waited / (time.perf_counter() - began))
        self.runner.call_hook(
            'after_train_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs
        )
        self._iter += 1

    def _weight_step(self, batch: Any, uniform: bool) -> dict:
        self._begin_step('weights', self._iter)
        self.supernet.select(self.searcher.propose('weights', self._iter, uniform))
        wrapper = self.runner.optim_wrapper['weights']
        try:
            with naming_norms(self.model):
                outputs = self.runner.model.train_step(batch, wrapper)
        finally:
            self.supernet.release()
        return on_host({**outputs, **wrapper.norms})  # hooks log them one by one

    def _arch_step(self, batch: Any, number: int) -> None:
        self._begin_step('arch', number)
        self.supernet.select(self.searcher.propose('arch', self._iter, False))
        wrapper = self.runner.optim_wrapper['arch']
        try:
            with naming_norms(self.model), architecture_step(self.model, self._weights):
                outputs = self.runner.model.train_step(batch, wrapper)
        finally:
            self.supernet.release()
        probabilities = self.supernet.probabilities()
        shown = {'arch_loss': outputs['loss'], **wrapper.norms}
        searched = self.table.expected(probabilities)
        # All that the host is to know of the step, and of the logits until the next one.
        (cost,), *values = numbers([searched, *shown.values(), *probabilities.values()])
        self.log(**{name: value for name, (value,) in zip(shown, values, strict=False)})
        self.log.cost('expected', cost + self.table.fixed)
        self.searcher.stepped(dict(zip(probabilities, values[len(shown) :], strict=True)))

    def _arch_batch(self, number: int) -> Any:
        """Batch ``number`` of the endless sequence of passes over the architecture part."""
        epoch, index = divmod(number, len(self.arch_dataloader))
        if self._arch_batches is None or index == 0:
            self.arch_dataloader.at(epoch, index)
            self._arch_batches = iter(self.arch_dataloader)
        return next(self._arch_batches)

    def _begin_step(self, kind: str, number: int) -> None:
        """No gradient and no random state of an earlier step reaches this one."""
        self.model.zero_grad(set_to_none=True)
        seed_step(self.seed, kind, number)

    def _terms(self, kind: str) -> dict[str, torch.Tensor]:
        step = Step(kind, self._iter, self.supernet, self.table)
        return {r.name: r(step) for r in self.regularisers if kind in r.acts_in}


def _seed(runner) -> int:
    """The seed of the run; a search without a fixed one could not be resumed exactly."""
    if runner._randomness_cfg.get('seed') is None and not runner._resume:
        runner.logger.info(f'randomness.seed is not set; this run uses {runner.seed}.')
    return common_seed(runner)
