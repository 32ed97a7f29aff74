"""Optimiser wrappers: the one place where regularisers join the loss and where bad losses stop."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from mmengine.dist import all_gather, all_reduce, get_world_size
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmtransfer.registry import OPTIM_WRAPPERS


class NonFiniteLossError(RuntimeError):
    """The loss is NaN or infinite; no weight was changed by it."""


@OPTIM_WRAPPERS.register_module()
class RegularisedOptimWrapper(OptimWrapper):
    """MMEngine's wrapper that adds regularisers to the task loss and refuses a loss that is not
    finite, on any rank.

    ``total = task + sum(regularisers)``. The loop sets ``terms``; their values are logged as
    ``train/<name>``.

    Args:
        kind: In a search ``'weights'`` or ``'arch'``, the part of ``optim_wrapper`` that it is, or
            ``'joint'``; empty in an ordinary training.
        **kwargs: MMEngine's own: optimizer, clip_grad, accumulative_counts. Gradients that were
            accumulated when a checkpoint was written are in it. A search zeroes all gradients
            before each step, so it cannot accumulate any.

    Raises:
        ValueError: Gradients are to be accumulated in a search.
    """

    def __init__(self, *args, kind: str = '', **kwargs) -> None:
        counts = kwargs.get('accumulative_counts', 1)
        if kind and counts != 1:
            raise ValueError(
                f'accumulative_counts must be 1 in a search, where every step begins without '
                f'gradients; received {counts} in {config_key(kind)}. Raise '
                f'train_dataloader.batch_size instead.'
            )
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.terms: Callable[[], Mapping[str, Tensor]] = dict
        self.norms: dict[str, Tensor] = {}  # of the last step's gradients, in a search

    def update_params(self, loss: Tensor, step_kwargs=None, zero_kwargs=None) -> None:
        """One optimiser step on the task loss plus the regularisers.

        Raises:
            NonFiniteLossError: Before anything is changed, naming the step; on all ranks alike.
        """
        hub, terms = MessageHub.get_current_instance(), self.terms()
        values = finite_values({'task loss': loss, **terms}, self.kind)
        for (name, term), value in zip(terms.items(), values[1:], strict=True):
            loss = loss + term
            hub.update_scalar(f'train/{name}', value)
        super().update_params(loss, step_kwargs, zero_kwargs)

    def _clip_grad(self) -> None:
        """As MMEngine's, which waits for the norm to log it; a search reads it from ``norms``
        with the other numbers of the step."""
        if not self.kind:
            super()._clip_grad()
            return
        having = [p for p in self._parameters() if p.requires_grad and p.grad is not None]
        norm = self.clip_func(having, **self.clip_grad_kwargs) if having else None
        self.norms = {} if norm is None else {self.grad_name: norm}

    def should_sync(self) -> bool:
        """Ranks always share their gradients: those of one rank, in a checkpoint, are all there
        are."""
        return True

    def initialize_count_status(self, model: nn.Module, init_counts: int, max_counts: int) -> None:
        """As MMEngine's, which takes accumulated gradients for lost in a run that is resumed."""
        complete = init_counts - init_counts % self._accumulative_counts
        super().initialize_count_status(model, complete, max_counts)
        self._inner_count = init_counts

    def state_dict(self) -> dict[str, Any]:
        """That of the optimiser, and the gradients accumulated for its next step."""
        state = super().state_dict()
        if self._inner_count % self._accumulative_counts:
            state['accumulated'] = [p.grad for p in self._parameters()]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The inverse of ``state_dict``."""
        state = dict(state_dict)
        accumulated = state.pop('accumulated', None)
        super().load_state_dict(state)
        if accumulated is not None:
            for p, gradient in zip(self._parameters(), accumulated, strict=True):
                p.grad = None if gradient is None else gradient.to(p.device)

    def _parameters(self) -> list[nn.Parameter]:
        return [p for group in self.optimizer.param_groups for p in group['params']]


def config_key(kind: str) -> str:
    """Where the config has the optimiser of a kind of step."""
    return f'optim_wrapper.{kind}' if kind in ('weights', 'arch') else 'optim_wrapper'


def finite_values(named: Mapping[str, Tensor], kind: str = '') -> list[float]:
    """The values of scalars, by one transfer from the device.

    Args:
        named: Name -> scalar. All ranks have the same names.
        kind: Of the step, for the message.

    Raises:
        NonFiniteLossError: One of them is NaN or infinite, on this rank or another: every rank
            raises the same error, and none waits for one that has stopped.
    """
    first = next(iter(named.values()))
    wide = any(v.dtype == torch.float64 for v in named.values())
    options: Any = dict(device=first.device, dtype=torch.float64 if wide else torch.float32)
    own = torch.stack([v.detach().reshape(()).to(**options) for v in named.values()])
    if get_world_size() == 1:
        values = own.tolist()
        bad = not all(map(math.isfinite, values))
    else:
        refused = (~torch.isfinite(own)).to(own.dtype)
        all_reduce(refused)
        both = torch.cat([own, refused]).tolist()
        values, bad = both[: len(named)], any(both[len(named) :])
    if bad:
        raise _error(list(named), own, kind)
    return values


def _error(names: list[str], own: Tensor, kind: str) -> NonFiniteLossError:
    """What is wrong where, the same on every rank."""
    hub = MessageHub.get_current_instance()
    ranks = [values.tolist() for values in all_gather(own)]
    index, rank = next(
        (i, r)
        for i in range(len(names))
        for r, values in enumerate(ranks)
        if not math.isfinite(values[i])
    )
    where = f' on rank {rank}' if len(ranks) > 1 else ''
    step = f'{kind} step' if kind else 'step'
    number, epoch = hub.get_info('iter', 0) + 1, hub.get_info('epoch', 0) + 1
    return NonFiniteLossError(
        f'the loss must stay finite; the {names[index]} is {ranks[rank][index]}{where} in the '
        f'{step} of iteration {number} (epoch {epoch}). '
        f'Nothing was updated with it, and the checkpoints written so far are kept: lower the '
        f'learning rate or lengthen its warm-up, then go on with --resume.'
    )
