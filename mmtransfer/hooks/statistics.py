"""Running statistics of batch normalisation: re-estimated before the first step; and equal on all
ranks whenever weights are validated or saved, while each rank has its own as it trains."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from mmengine.dist import all_reduce, broadcast, get_world_size
from mmengine.hooks import CheckpointHook, EMAHook, Hook
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmtransfer.models import unwrap
from mmtransfer.registry import HOOKS
from mmtransfer.scoring.bn import reestimate_bn

# Stock hooks for the same purpose. They average what is equal too, parameters and frozen statistics
# among it, and the mean of equal float32 numbers is not always that number.
_REPLACED = (
    'mmengine.hooks.sync_buffer_hook.SyncBuffersHook',
    'mmdet.engine.hooks.sync_norm_hook.SyncNormHook',
    'mmpose.engine.hooks.sync_norm_hook.SyncNormHook',
)


@torch.no_grad()
def average_statistics(models: Iterable[nn.Module]) -> None:
    """Set the running means and variances of batch normalisation to their mean over the ranks.

    What is equal on all ranks, as frozen statistics are, keeps every bit; ``num_batches_tracked``
    and the buffers of other modules are left alone. All ranks must call this.

    Args:
        models: Of the same structure on every rank.
    """
    tracked = list(_statistics(models))
    if get_world_size() == 1 or not tracked:
        return
    own = torch.cat([t.double() for t in tracked])
    first = own.clone()
    broadcast(first)
    own -= first  # the differences: nothing is rounded where there are none
    all_reduce(own)
    mean = first + own / get_world_size()
    for tensor, part in zip(tracked, mean.split([t.numel() for t in tracked]), strict=True):
        tensor.copy_(part)


def _statistics(models: Iterable[nn.Module]) -> Iterator[Tensor]:
    for model in models:
        for m in model.modules():
            if isinstance(m, _BatchNorm) and m.running_mean is not None:
                assert m.running_var is not None
                yield from (m.running_mean, m.running_var)


@HOOKS.register_module()
class AverageStatisticsHook(Hook):
    """Averages the statistics of normalisation before every validation and every checkpoint, those
    of an EMA copy too.

    ``CheckpointHook`` has one, so only a config with another checkpoint hook needs to name it.
    It takes the place of MMEngine's SyncBuffersHook and the toolboxes' SyncNormHook, which do
    nothing beside it.
    """

    priority = 'ABOVE_NORMAL'  # before anything looks at the weights

    def before_train(self, runner) -> None:
        """Let stock hooks for the same purpose rest."""
        for hook in runner.hooks if get_world_size() > 1 else ():
            if is_stock(hook, _REPLACED):
                for event in ('after_train_epoch', 'before_val_epoch'):
                    setattr(hook, event, lambda *args, **kwargs: None)
                runner.logger.info(
                    f'{type(hook).__name__} rests: AverageStatisticsHook averages the statistics.'
                )

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Where a checkpoint follows."""
        if any(_saves(hook, runner) for hook in runner.hooks):
            self.average(runner)

    def after_train_epoch(self, runner) -> None:
        """A checkpoint or a validation may follow."""
        self.average(runner)

    def before_val_epoch(self, runner) -> None:
        """Every rank validates the same weights."""
        self.average(runner)

    def average(self, runner) -> None:
        """Average the statistics of the model and of its averaged copies."""
        if get_world_size() == 1:
            return
        copies = [hook.ema_model for hook in runner.hooks if isinstance(hook, EMAHook)]
        average_statistics([runner.model, *copies])


@HOOKS.register_module()
class ReestimateBNHook(Hook):
    """Re-estimates the statistics before the first step of a run that was not resumed, over the
    batches of all ranks as SyncBN would (FNA++, Sec. 4.4).

    Args:
        iterations: Training batches to use, on each rank.
        frozen: Also the statistics of layers that are frozen in training.
    """

    priority = 'LOW'  # after the weights have been remapped

    def __init__(self, iterations: int, frozen: bool = False) -> None:
        if iterations < 1:
            raise ValueError(f'iterations must be at least 1; received {iterations}.')
        self.iterations = iterations
        self.frozen = frozen

    def before_train(self, runner) -> None:
        """Runs ``reestimate_bn`` on the training data."""
        if runner.iter > 0 or runner._resume:
            return
        model = unwrap(runner.model)
        count = reestimate_bn(
            model, runner.train_dataloader, self.iterations, self.frozen, synchronised=True
        )
        runner.logger.info(
            f're-estimated the statistics of {count} normalisation layers over '
            f'{self.iterations} iterations'
        )


def ensure_averaged(runner: Any) -> None:
    """Give a runner the hook if nothing in its config does. Not while hooks are being called."""
    parts = [part for hook in runner.hooks for part in (hook, getattr(hook, 'statistics', None))]
    if not any(isinstance(part, AverageStatisticsHook) for part in parts):
        runner.register_hook(AverageStatisticsHook())


def is_stock(hook: Hook, names: Iterable[str]) -> bool:
    """Whether a hook is of one of these classes, given by module and name, without importing it."""
    return not {f'{c.__module__}.{c.__qualname__}' for c in type(hook).__mro__}.isdisjoint(names)


def _saves(hook: Hook, runner: Any) -> bool:
    """Whether a hook writes a checkpoint after this iteration."""
    if not isinstance(hook, CheckpointHook) or hook.by_epoch:
        return False
    return hook.every_n_train_iters(runner, hook.interval, hook.save_begin) or (
        hook.save_last and hook.is_last_train_iter(runner)
    )
