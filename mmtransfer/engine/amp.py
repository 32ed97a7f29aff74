"""Mixed precision: what computes in 16 bits, and the scale of the loss."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mmtransfer.engine.optim import NonFiniteLossError, RegularisedOptimWrapper, config_key
from mmtransfer.models import unwrap
from mmtransfer.registry import OPTIM_WRAPPERS

# Steps in a row whose gradients may overflow. A scale of 2^16, the first one, is below 2^-32 then.
_OVERFLOWS = 50
# What computes in 16 bits by default, where the whole model cannot.
_PARTS = ('backbone', 'neck')


@OPTIM_WRAPPERS.register_module()
class RegularisedAmpOptimWrapper(RegularisedOptimWrapper):
    """MMEngine's AmpOptimWrapper, on any device, with regularisers and the check of the loss.

    The loss is checked before it is scaled; a step whose scaled gradients overflow is left out, and
    the scale is halved. A search takes ``type='AmpOptimWrapper'`` for this one.

    Args:
        loss_scale: ``'dynamic'``, a number that stays, or a dict of arguments for
            ``torch.amp.GradScaler``. Dynamic scaling is for float16: bfloat16 has the range of
            float32.
        dtype: ``'float16'`` or ``'bfloat16'``; by default the first with CUDA, else the second.
        parts: Names of the modules that compute in it; the rest, regularisers too, is float32. By
            default the whole model for float16 with CUDA, as in MMEngine; else backbone and neck,
            because heads call operators that are written for float32 and, with CUDA, float16 (NMS,
            RoIAlign, decoding by NumPy).
        **kwargs: See ``RegularisedOptimWrapper``.

    Raises:
        ValueError: An argument is out of its range, or the model has no such part.
    """

    def __init__(
        self,
        *args,
        loss_scale: str | float | dict = 'dynamic',
        dtype: str | torch.dtype | None = None,
        parts: Sequence[str] | None = None,
        use_fsdp: bool = False,
        **kwargs,
    ) -> None:
        if use_fsdp:
            raise ValueError(
                'use_fsdp must be False: mmtransfer trains whole models on every rank; received '
                'True. Remove it from optim_wrapper.'
            )
        super().__init__(*args, **kwargs)
        self.device = self._parameters()[0].device.type
        self.dtype = _dtype(dtype, self.device)
        self.parts = None if parts is None else tuple(parts)
        self._fixed_scale: float | None = None
        arguments: dict[str, Any] = {}
        if isinstance(loss_scale, dict):
            arguments = dict(loss_scale)
        elif isinstance(loss_scale, (int, float)) and loss_scale > 0:
            self._fixed_scale = float(loss_scale)
            arguments = dict(init_scale=self._fixed_scale)
        elif loss_scale == 'dynamic':
            arguments = dict(enabled=self.dtype == torch.float16)
        else:
            raise ValueError(
                f"loss_scale must be 'dynamic', a number above 0 or a dict with the arguments of "
                f'torch.amp.GradScaler; received {loss_scale!r}. Correct it in optim_wrapper.'
            )
        self.loss_scaler = torch.amp.GradScaler(self.device, **arguments)
        self._overflows = 0
        self.optimizer.register_step_post_hook(self._stepped)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Inside, what computes in 16 bits does."""
        with super().optim_context(model), autocast(self._modules(unwrap(model)), self.dtype):
            yield

    def _modules(self, model: nn.Module) -> list[nn.Module]:
        named = {name: module for name, module in model.named_modules() if name}
        if self.parts is None:
            whole = self.dtype == torch.float16 and self.device == 'cuda'
            last = {name: name.rpartition('.')[2] for name in named}
            found = [name for name in named if last[name] in _PARTS and not whole]
            return [named[name] for name in found] or [model]
        if not self.parts or not named.keys() >= set(self.parts):
            raise ValueError(
                f'parts must name modules of the model, such as '
                f'{", ".join(n for n, _ in model.named_children())}; received {self.parts}. '
                f'Correct it in optim_wrapper, or leave it out.'
            )
        return [named[name] for name in self.parts]

    def backward(self, loss: Tensor, **kwargs) -> None:
        """The backward pass from the scaled loss."""
        super().backward(self.loss_scaler.scale(loss), **kwargs)

    def step(self, **kwargs) -> None:
        """Unscale, clip, and step unless a gradient has overflowed.

        Raises:
            NonFiniteLossError: The gradients of many steps in a row have overflowed.
        """
        self.loss_scaler.unscale_(self.optimizer)
        if self.clip_grad_kwargs:
            self._clip_grad()
        self._overflows += 1
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update(self._fixed_scale)
        if self._overflows >= _OVERFLOWS:
            raise NonFiniteLossError(
                f'the gradients must be finite; those of the last {_OVERFLOWS} steps were not, '
                f'with the loss scaled by {self.loss_scaler.get_scale():.3g}, and nothing was '
                f"updated by them. Lower the learning rate, or compute in dtype='bfloat16' "
                f'({config_key(self.kind)}).'
            )

    def _stepped(self, *_: Any) -> None:
        self._overflows = 0

    def state_dict(self) -> dict[str, Any]:
        """With the state of the loss scale."""
        return {**super().state_dict(), 'loss_scaler': self.loss_scaler.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The inverse of ``state_dict``."""
        state = dict(state_dict)
        scaler = state.pop('loss_scaler', None)
        if scaler:
            self.loss_scaler.load_state_dict(scaler)
        super().load_state_dict(state)


def _dtype(given: str | torch.dtype | None, device: str) -> torch.dtype:
    names = {'float16': torch.float16, 'bfloat16': torch.bfloat16}
    if given is None:
        given = 'float16' if device == 'cuda' else 'bfloat16'
    dtype = names.get(given) if isinstance(given, str) else given
    if dtype is None or dtype not in names.values():
        raise ValueError(
            f"dtype must be 'float16' or 'bfloat16'; received {given!r}. For float32 use "
            f"type='mmtransfer.RegularisedOptimWrapper' in optim_wrapper."
        )
    return dtype


@contextmanager
def autocast(modules: Sequence[nn.Module], dtype: torch.dtype) -> Iterator[None]:
    """Inside, these modules compute in ``dtype`` where that is safe, and return float32."""

    def cast(forward: Callable, device: str, *args: Any, **kwargs: Any) -> Any:
        with torch.autocast(device, dtype):
            return _in_float32(forward(*args, **kwargs))

    own = [vars(module).get('forward') for module in modules]  # of activation_checkpointing
    for module in modules:
        device = next(module.parameters()).device.type
        module.forward = partial(cast, module.forward, device)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for module, forward in zip(modules, own, strict=True):
            del module.forward
            if forward is not None:
                module.forward = forward


def _in_float32(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
    if isinstance(value, dict):
        return {key: _in_float32(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_in_float32(item) for item in value)
    return value
