"""Which channels are worth keeping: the remapping function of FNA++ (Sec. 4.9, Algorithm 1).

Every function is pure and takes tensors of the source alone.
"""

from __future__ import annotations

import torch
from torch import Tensor


def reference(tensor: Tensor, by: str) -> Tensor:
    """The reference vector: how important each entry of the first dimension is.

    Args:
        tensor: For ``'bn_scale'`` the weight of a batch norm, ``(p,)``; for ``'std'`` and ``'l1'``
            the weight of a convolution, ``(p, in, h, w)``.
        by: ``'bn_scale'``: the absolute value (Sec. 4.9.1); ``'std'``: the standard deviation,
            ``'l1'``: the sum of absolute values of each output channel's weights (Sec. 4.9.2).

    Returns:
        ``(p,)``, double precision, at least 0.

    Raises:
        ValueError: ``by`` is none of the three.
    """
    rows = tensor.detach().double().flatten(1) if tensor.dim() > 1 else tensor.detach().double()
    if by == 'bn_scale':
        return rows.abs()
    if by == 'std':
        return rows.std(dim=1, correction=0)  # of the weights there are; defined for one weight too
    if by == 'l1':
        return rows.abs().sum(dim=1)
    raise ValueError(f"channels are ranked by 'bn_scale', 'std' or 'l1'; received {by!r}.")


def top_indices(vector: Tensor, count: int) -> Tensor:
    """Indices of the ``count`` largest entries, ascending (Algorithm 1, lines 1 to 4).

    Args:
        vector: ``(p,)``; of equal entries the first ones win.
        count: At most p.

    Returns:
        ``(count,)``, int64.
    """
    return torch.argsort(vector, descending=True, stable=True)[:count].sort().values
