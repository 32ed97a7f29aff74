"""The loop of a search: weight steps on one part of the data; on the other, architecture steps
(FNA++, Sec. 3.2.2) or the scoring of candidates (Sec. 4.8)."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.registry import DefaultScope
from mmengine.runner import EpochBasedTrainLoop
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmtransfer.architecture import Architecture
from mmtransfer.backbones import supernets_in
from mmtransfer.cost.metrics import UNITS, say, table_for
from mmtransfer.registry import LOOPS, REGULARISERS, SEARCHERS
from mmtransfer.search import Scores, Step, draw_seed, skip_share, with_cost
from mmtransfer.seeds import closest_to_seed

from .candidate_phase import run_candidate_phase
from .channels import check_channels
from .check_run import ensure_checked
from .held_out import Evaluation, HeldOut
from .loaders import build_loader
from .parallel import unwrap
from .ranges import check_ranges
from .split import SPLIT_RULE, say_other_split, split_dataset
from .statistics_hook import ensure_averaged
from .stock_hooks import check_hooks, replay_switches
from .train_loop import common_seed, seed_step


class SearchConfigError(ValueError):
    """A search config that cannot be run as it stands."""


def find_supernet(model: nn.Module) -> Any:
    """The one module of a model that has architecture parameters."""
    found = supernets_in(model)
    if len(found) != 1:
        raise SearchConfigError(
            f'a search needs exactly one supernet in the model (such as backbone=dict(type='
            f"'mmtransfer.FNASupernet')); found {len(found)}."
        )
    return found[0]


@contextmanager
def architecture_step(model: nn.Module, weights: Sequence[nn.Parameter]) -> Iterator[None]:
    """Only the architecture parameters learn in here, and nothing else of the model moves.

    The weights need no gradient, so none is computed for them and their inputs are not kept for the
    backward pass. Batch normalisation uses batch statistics and leaves its running ones alone
    (layers that are frozen go on using theirs).
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    learning = [p for p in weights if p.requires_grad]
    for p in learning:
        p.requires_grad_(False)
    for m in norms:
        m.track_running_stats = False
    try:
        yield
    finally:
        for p in learning:
            p.requires_grad_(True)
        for m in norms:
            m.track_running_stats = True


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
        searcher: Config of the searcher.
        regularisers: Configs of terms added to the loss.
        metric: What the cost is: ``'madds'``, ``'params'`` or ``'latency'`` in milliseconds. The
            targets of searcher and cost term have its unit.
        latency_table: For latency: a file of ``tools/measure_latency.py``, see
            :func:`mmtransfer.cost.metrics.table_for`.
        evaluation: How candidates are scored, the arguments of :class:`Evaluation`.
        val_begin, val_interval: As in MMEngine; validation runs the derived architecture.

    Raises:
        SearchConfigError, RangeError: An option is out of its range, or a setting of the runner
            cannot work here.
        LatencyTableError: The latency table is missing or was measured under other conditions.
    """

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
        check_ranges(dict(max_epochs=max_epochs, val_interval=val_interval, arch_begin=arch_begin))
        split = dict(split or {})
        share, split_seed = split.pop('arch', 0.5), split.pop('seed', 0)
        if split:
            raise SearchConfigError(
                f'split may hold "arch" and "seed"; received also {sorted(split)}.'
            )
        _check(runner, arch_begin, alternation)
        self.seed = _seed(runner)
        weight_data, arch_data = split_dataset(dataloader['dataset'], share, split_seed)
        loader = build_loader(dataloader, weight_data, draw_seed(self.seed, 'weight batches'))
        super().__init__(runner, loader, max_epochs, val_begin, val_interval)
        self.arch_dataloader = build_loader(
            dataloader, arch_data, draw_seed(self.seed, 'architecture batches')
        )
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
        with DefaultScope.overwrite_default_scope('mmtransfer'):  # these have no parent registry
            self.searcher: Any = SEARCHERS.build(
                dict(searcher or {'type': 'DifferentiableSearcher'}),
                default_args=dict(supernet=self.supernet, table=self.table, seed=self.seed),
            )
            self.regularisers = [REGULARISERS.build(dict(r)) for r in regularisers]
        for regulariser in self.regularisers:
            regulariser.check(self.table)
        self.asks = hasattr(self.searcher, 'ask')
        _check_searcher(self.asks, arch_begin, evaluation, self.regularisers)
        if not self.asks and not self.supernet.architecture_parameters():
            raise SearchConfigError(
                f'a searcher that learns by architecture steps needs a supernet with logits; '
                f'{type(self.supernet).__name__} has none. Set model.backbone.differentiable=True, '
                f'or use a searcher that scores candidates.'
            )
        self.evaluation = Evaluation(**(evaluation or {}))
        self.scores: Scores | None = None  # of the candidates, if the searcher asks for them
        self.restored: dict | None = None  # what a checkpoint knew of them
        logits = {id(p) for p in self.supernet.architecture_parameters()}
        self._weights = [p for p in self.model.parameters() if id(p) not in logits]
        self._arch_batches: Iterator | None = None
        # The part of a split that is a share is read as the other one is, whatever hooks exchange.
        self._exchanged = None if isinstance(share, Mapping) else loader.exchanged()
        ensure_averaged(runner)
        check_hooks(runner, loader, search=True)

    # ---- what others ask the loop ----

    def derive(self) -> Architecture | None:
        """The architecture found so far, with its cost; None before a candidate was scored."""
        found = self.searcher.architecture()
        return None if found is None else self.described(found)

    def described(self, architecture: Architecture) -> Architecture:
        """An architecture with its cost and where it comes from."""
        return with_cost(
            architecture,
            self.table,
            iteration=self._iter,
            epoch=self._epoch,
            seed=self.seed,
            config=getattr(self.runner, 'experiment_name', ''),
        )

    def checkpoint_state(self) -> dict:
        """What a checkpoint says of the search beside the weights."""
        state = {'fingerprint': self.supernet.space.fingerprint, 'iteration': self._iter}
        state['split'] = SPLIT_RULE
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

    # ---- the loop ----

    def run(self) -> nn.Module:
        """Search, validating the derived architecture as the config says."""
        held_out = self.held_out() if self.asks else None
        if held_out is not None:
            held_out.scorer.check()
        for kind in self.runner.optim_wrapper.keys():
            self.runner.optim_wrapper[kind].terms = lambda kind=kind: self._terms(kind)
        replay_switches(self.runner, self)
        self.runner.call_hook('before_train')
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._decide_current_val_interval()
            due = self._epoch >= self.val_begin and self._epoch % self.val_interval == 0
            last = self._epoch == self._max_epochs
            if last and not self.asks or due and not last:
                self._validate()
        if held_out is not None:  # also where EarlyStoppingHook has ended the training
            run_candidate_phase(self, held_out)
            self._validate()
        self.runner.call_hook('after_train')
        self._report_target()
        return self.runner.model

    def held_out(self) -> HeldOut:
        """What scores the candidates."""
        return HeldOut(self, self.evaluation)

    def _validate(self) -> None:
        """Validate what is found so far; the seed, or what is nearest to it, before that."""
        found = self.searcher.architecture() or closest_to_seed(self.supernet.space)
        if self.runner.val_loop is not None:
            with self.supernet.evaluating(found):
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
        begin = self._max_epochs if self.arch_begin is None else self.arch_begin
        since = self._iter - begin * len(self.dataloader)
        if since >= 0 and since % self.weights_per_round == 0:
            first = since // self.weights_per_round * self.arch_per_round
            for number in range(first, first + self.arch_per_round):
                loading = time.perf_counter()
                arch_batch = self._arch_batch(number)
                waited += time.perf_counter() - loading
                self._arch_step(arch_batch, number)
        outputs = self._weight_step(data_batch, uniform=since < 0)
        self._log(data_share=waited / (time.perf_counter() - began))
        self.runner.call_hook(
            'after_train_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs
        )
        self._iter += 1

    def _weight_step(self, batch: Any, uniform: bool) -> dict:
        self._begin_step('weights', self._iter)
        self.supernet.select(self.searcher.propose('weights', self._iter, uniform))
        try:
            return self.runner.model.train_step(batch, self.runner.optim_wrapper['weights'])
        finally:
            self.supernet.release()

    def _arch_step(self, batch: Any, number: int) -> None:
        self._begin_step('arch', number)
        self.supernet.select(self.searcher.propose('arch', self._iter, False))
        try:
            with architecture_step(self.model, self._weights):
                outputs = self.runner.model.train_step(batch, self.runner.optim_wrapper['arch'])
        finally:
            self.supernet.release()
        searched = self.table.expected(self.supernet.probabilities()).item()
        derived = self.searcher.architecture()
        self._log(arch_loss=outputs['loss'].item(), skip_share=skip_share(derived))
        self._log_cost('expected', searched + self.table.fixed)
        self._log_cost('derived', self.table.of(derived))

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

    def _log(self, **values: float) -> None:
        for name, value in values.items():
            self.runner.message_hub.update_scalar(f'train/{name}', value)

    def _log_cost(self, name: str, cost: float) -> None:
        """Under a name that says the unit, such as ``expected_cost_G``."""
        unit = UNITS[self.table.metric]
        self._log(**{f'{name}_cost_{unit.suffix}': cost / unit.scale})

    def _report_target(self) -> None:
        target, architecture = self.searcher.target, self.searcher.architecture()
        if target is None or architecture is None:
            return
        cost = self.table.of(architecture)
        miss, found = target.miss(cost), say(self.table.metric, cost)
        wanted = say(self.table.metric, target.cost)
        if abs(miss) <= target.tolerance:
            self.runner.logger.info(
                f'the derived backbone costs {found}: {miss:+.2%} from the target of {wanted} '
                f'(tolerance {target.tolerance:.0%}).'
            )
        else:
            self.runner.logger.warning(
                f'the derived backbone costs {found} and misses the target of {wanted} by '
                f'{miss:+.2%} (tolerance {target.tolerance:.0%}), because no architecture of the '
                f'space lies nearer: its options are too coarse around this cost.'
            )


def _check(runner, arch_begin: int | None, alternation: Sequence[int]) -> None:
    """Settings that would make a search wrong rather than fail."""
    if arch_begin is not None and arch_begin < 0:
        raise SearchConfigError(f'arch_begin must be an epoch >= 0; received {arch_begin}.')
    if len(alternation) != 2 or min(alternation) < 1:
        raise SearchConfigError(
            f'alternation must be (architecture steps, weight steps), both at least 1; received '
            f'{tuple(alternation)}.'
        )
    if runner.cfg.get('activation_checkpointing'):
        raise SearchConfigError(
            'activation_checkpointing must not be set in a search: it recomputes re-entrantly, '
            'under whatever path is selected by then. Use model.backbone.with_cp=True instead.'
        )


def _check_searcher(
    asks: bool, arch_begin: int | None, evaluation: dict | None, regularisers: Sequence
) -> None:
    """Settings that one kind of searcher would ignore in silence."""
    if not asks:
        if arch_begin is None or evaluation is not None:
            raise SearchConfigError(
                f'a searcher that learns by architecture steps needs arch_begin, and no '
                f'evaluation; received arch_begin={arch_begin}, evaluation={evaluation}. Set '
                f'them so, or use a searcher that scores candidates (mmtransfer.RandomSearcher).'
            )
        return
    idle = [r.name for r in regularisers if 'weights' not in r.acts_in]
    if arch_begin is not None or idle:
        raise SearchConfigError(
            f'a searcher that scores candidates takes no architecture steps, so arch_begin must be '
            f'None and no regulariser may act in them alone; received arch_begin={arch_begin}, '
            f'regularisers {idle}. Set arch_begin=None, regularisers=[], and bound the cost by '
            f'searcher.target or searcher.maximum.'
        )


def _seed(runner) -> int:
    """The seed of the run; a search without a fixed one could not be resumed exactly."""
    if (runner.cfg.get('randomness') or {}).get('seed') is None:
        runner.logger.info(f'randomness.seed is not set; this run uses {runner.seed}.')
    return common_seed(runner)
