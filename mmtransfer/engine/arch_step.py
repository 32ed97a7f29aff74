"""What an architecture step may change: the logits, and nothing else of the model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


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
