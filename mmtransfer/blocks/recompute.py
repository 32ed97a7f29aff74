"""Recompute a block's activations in the backward pass instead of storing them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

T = TypeVar('T')

_STATISTICS = ('running_mean', 'running_var', 'num_batches_tracked')


@contextmanager
def running_statistics_kept(module: nn.Module) -> Iterator[None]:
    """Inside, batch norms of ``module`` compute as ever, but what they track lands in copies.

    Copies, because a batch norm that stopped tracking would save fewer tensors for its backward
    pass than the forward pass did, which non-reentrant checkpointing refuses.
    """
    kept = []
    for norm in module.modules():
        if isinstance(norm, _BatchNorm) and norm.training and norm.track_running_stats:
            for name in _STATISTICS:
                buffer = norm._buffers[name]
                if buffer is not None:
                    kept.append((norm, name, buffer))
                    norm._buffers[name] = buffer.clone()
    try:
        yield
    finally:
        for norm, name, buffer in kept:
            norm._buffers[name] = buffer


def recompute(module: nn.Module, function: Callable[..., T], *args: Any) -> T:
    """``function(*args)``, of which only the arguments are stored for the backward pass.

    Outputs, gradients and running statistics are those of a plain call, bit for bit. The checkpoint
    is non-reentrant: it works with ``backward(inputs=...)`` and with inputs that need no gradient.

    Args:
        module: What the function runs; the running statistics of its batch norms move in the
            forward pass only, not a second time when the function is run again.
        function: Deterministic, it draws no random numbers.
        args: Its arguments.
    """
    if not torch.is_grad_enabled():
        return function(*args)
    return checkpoint(
        function,
        *args,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (nullcontext(), running_statistics_kept(module)),
    )
