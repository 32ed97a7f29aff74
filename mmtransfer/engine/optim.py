"""Optimiser wrappers: the one place where regularisers join the loss and where bad losses stop."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper, OptimWrapperDict, build_optim_wrapper
from torch import Tensor, nn

from mmtransfer.backbones import supernets_in
from mmtransfer.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS

from .parallel import unwrap


class NonFiniteLossError(RuntimeError):
    """The loss is NaN or infinite; no weight was changed by it."""


@OPTIM_WRAPPERS.register_module()
class RegularisedOptimWrapper(OptimWrapper):
    """MMEngine's wrapper that adds regularisers to the task loss and refuses a loss that is not
    finite.

    ``total = task + sum(regularisers)``. The loop sets :attr:`terms`; their values are logged as
    ``train/<name>``.

    Args:
        kind: ``'weights'`` or ``'arch'`` in a search, empty in an ordinary training.
        **kwargs: MMEngine's own: optimizer, clip_grad. Gradient accumulation is refused, because
            MMEngine's counters make it inexact after a resume.
    """

    def __init__(self, *args, kind: str = '', **kwargs) -> None:
        if kwargs.get('accumulative_counts', 1) != 1:
            raise ValueError(
                'accumulative_counts must be 1: a run with accumulated gradients cannot be '
                f'resumed exactly; received {kwargs["accumulative_counts"]}. Raise the batch '
                'size instead.'
            )
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.terms: Callable[[], Mapping[str, Tensor]] = dict

    def update_params(self, loss: Tensor, step_kwargs=None, zero_kwargs=None) -> None:
        """One optimiser step on the task loss plus the regularisers.

        Raises:
            NonFiniteLossError: Before anything is changed, naming the step.
        """
        hub = MessageHub.get_current_instance()
        terms = self.terms()
        for name, value in {'task loss': loss, **terms}.items():
            if not torch.isfinite(value):
                step = f'{self.kind} step' if self.kind else 'step'
                raise NonFiniteLossError(
                    f'the loss must stay finite; the {name} is {value.item()} in the {step} of '
                    f'iteration {hub.get_info("iter", 0) + 1} (epoch '
                    f'{hub.get_info("epoch", 0) + 1}). Nothing was updated with it, and the '
                    'checkpoints written so far are kept: lower the learning rate or lengthen '
                    'its warm-up, then go on with --resume.'
                )
        for name, value in terms.items():
            loss = loss + value
            hub.update_scalar(f'train/{name}', value.item())
        super().update_params(loss, step_kwargs, zero_kwargs)


@contextmanager
def _without_logits(model: nn.Module) -> Iterator[list[nn.Parameter]]:
    """The model while its architecture parameters are out of sight, so that no weight optimiser and
    no ``paramwise_cfg`` can take them up."""
    owners = supernets_in(model)
    logits = [p for m in owners for p in m.architecture_parameters()]
    hidden = [(m, m._modules.pop('logits')) for m in owners if m.architecture_parameters()]
    try:
        yield logits
    finally:
        for module, parameters in hidden:
            module._modules['logits'] = parameters


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SearchOptimWrapperConstructor:
    """Two optimisers for one model: ``weights`` for all operation weights, ``arch`` for the logits.

    Args:
        optim_wrapper_cfg: ``dict(weights=dict(type=..., optimizer=...), arch=dict(...))``; each
            part is what ``optim_wrapper`` is in an ordinary config, ``paramwise_cfg`` included.
            Without ``arch`` for a supernet that has no logits (block allocation).
        paramwise_cfg: Must be None: it belongs into ``weights``.

    Raises:
        ValueError: A part is missing or unknown, or the model has no architecture parameters.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        parts = set(optim_wrapper_cfg)
        if not {'weights'} <= parts <= {'weights', 'arch'} or paramwise_cfg is not None:
            raise ValueError(
                'the optim_wrapper of a search must hold exactly the parts "weights" and "arch" '
                f'(and paramwise_cfg inside "weights"); received {sorted(optim_wrapper_cfg)}, '
                f'paramwise_cfg={paramwise_cfg}. If the others come from a base config, add '
                '_delete_=True.'
            )
        self.cfg = optim_wrapper_cfg

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        """Build both wrappers; together they hold every parameter exactly once."""
        module = unwrap(model)
        with _without_logits(module) as logits:
            if not supernets_in(module):
                raise ValueError(
                    'a search needs a supernet as the backbone (such as mmtransfer.FNASupernet); '
                    'the model has no architecture parameters.'
                )
            if bool(logits) != ('arch' in self.cfg):
                raise ValueError(
                    f'optim_wrapper and param_scheduler of a search have a part "arch" exactly '
                    f'where the supernet has logits; it has {len(logits)} vectors of them, and '
                    f'optim_wrapper has the parts {sorted(self.cfg)}. Add it, or leave it out (a '
                    f'DepthSupernet has logits with differentiable=True).'
                )
            weights = build_optim_wrapper(module, dict(self.cfg['weights'], kind='weights'))
        if not logits:
            return OptimWrapperDict(weights=weights)
        arch = build_optim_wrapper(nn.ParameterList(logits), dict(self.cfg['arch'], kind='arch'))
        return OptimWrapperDict(weights=weights, arch=arch)
