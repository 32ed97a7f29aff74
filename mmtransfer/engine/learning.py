"""What a step may change of the model."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def held_still(
    model: nn.Module, parameters: Iterable[nn.Parameter], statistics: bool = True
) -> Iterator[None]:
    """Inside, these parameters do not learn and, if asked, running statistics do not move.

    Parameters that hold still need no gradient, so none is computed for them and their inputs are
    not kept for the backward pass.

    Args:
        model: Any.
        parameters: Of the model.
        statistics: Whether batch normalisation leaves its running statistics alone. It uses those
            of the batch (layers that are frozen go on using their own).
    """
    norms = [
        m
        for m in (model.modules() if statistics else ())
        if isinstance(m, _BatchNorm) and m.track_running_stats
    ]
    learning = [p for p in parameters if p.requires_grad]
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
