"""Numbers that the host needs of the device, as few waits as possible: each read makes the host
wait until the device has done all that was asked of it."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor


def on_host(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, with the scalars that are tensors copied to the host at once.

    Args:
        values: Such as the losses of a step. What is no tensor of one element stays as it is.
    """
    return together(values, {})[0]


def together(
    values: Mapping[str, Any], vectors: Mapping[str, Tensor]
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """As ``on_host``, with the numbers of some vectors in the same copy.

    Args:
        values: See there.
        vectors: Tensors of any shapes and floating dtypes.

    Returns:
        The values, and per vector its numbers in order.
    """
    scalars = {k: v for k, v in values.items() if isinstance(v, Tensor) and v.numel() == 1}
    tensors = [*scalars.values(), *vectors.values()]
    if not tensors:
        return dict(values), {}
    copied = _joined(tensors).cpu().split([t.numel() for t in tensors])
    found = {k: part[0] for k, part in zip(scalars, copied, strict=False)}
    numbers = (part.tolist() for part in copied[len(scalars) :])
    return {**values, **found}, dict(zip(vectors, numbers, strict=True))


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    dtype = reduce(torch.promote_types, (t.dtype for t in tensors))
    return torch.cat([t.detach().reshape(-1).to(dtype) for t in tensors])
