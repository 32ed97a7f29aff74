"""Numbers that the host needs of the device, as few waits as possible: each read makes the host
wait until the device has done all that was asked of it."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor


def numbers(tensors: Sequence[Tensor]) -> list[list[float]]:
    """The values of tensors as plain numbers, read at once.

    Args:
        tensors: On one device, of any shapes and floating dtypes.

    Returns:
        Per tensor its values in order.
    """
    flat = _joined(tensors).tolist()
    sizes = [t.numel() for t in tensors]
    ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
    return [flat[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def on_host(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with the scalars that are tensors copied to the host at once.

    Args:
        values: Such as the losses of a step. What is no tensor of one element stays as it is.
    """
    scalars = {k: v for k, v in values.items() if isinstance(v, Tensor) and v.numel() == 1}
    if not scalars:
        return dict(values)
    copied = _joined(list(scalars.values())).cpu().unbind()
    return {**values, **dict(zip(scalars, copied, strict=True))}


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    dtype = reduce(torch.promote_types, (t.dtype for t in tensors))
    return torch.cat([t.detach().reshape(-1).to(dtype) for t in tensors])
