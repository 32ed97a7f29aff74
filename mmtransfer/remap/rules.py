"""What can happen to one tensor: width, kernel and group rules of FNA++ (Sec. 3.1, Eq. 2-6).

Every function is pure: it returns a new tensor and leaves its argument alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def fit_channels(tensor: Tensor, dim: int, size: int, fill: float = 0.0) -> Tensor:
    """Keep the first ``size`` entries of ``dim``, or append entries of value ``fill``.

    FNA++ Eq. 2 (fewer channels) and Eq. 3 (more channels, ``fill=0``). Normalisation entries that
    are new take the value a fresh layer has (weight and variance 1, bias and mean 0).

    Args:
        tensor: Any shape with at least ``dim + 1`` dimensions.
        dim: The dimension that changes.
        size: Its new length, in channels.
        fill: Value of the new entries.

    Returns:
        A new tensor, ``tensor.shape`` with ``dim`` replaced by ``size``.
    """
    have = tensor.shape[dim]
    kept = tensor.narrow(dim, 0, min(have, size))
    if size <= have:
        return kept.clone()
    shape = list(tensor.shape)
    shape[dim] = size - have
    return torch.cat([kept, tensor.new_full(shape, fill)], dim)


def fit_colours(weight: Tensor, channels: int) -> Tensor:
    """The first convolution of a network for images of another number of channels.

    One channel gets the sum over all colours, so that a grey image gives what its copies in all of
    them would. Several get the colours in turn, scaled by their number over the new one, so that
    equal channels give the same as equal colours where all occur equally often.

    Args:
        weight: ``(out, colours, h, w)``.
        channels: Of the new images.

    Returns:
        A new tensor ``(out, channels, h, w)``.
    """
    colours = weight.shape[1]
    if channels == 1:
        return weight.sum(1, keepdim=True)
    turns = torch.arange(channels, device=weight.device) % colours
    return weight.index_select(1, turns) * (colours / channels)


def fit_kernel(weight: Tensor, size: Sequence[int], dilate: bool = False) -> Tensor:
    """Crop a convolution's kernel to its centre, or surround it with zeros (FNA++ Eq. 5 and 6).

    Args:
        weight: ``(out, in, h, w)``.
        size: New ``(h, w)``; differs from the old one by an even number on each side.
        dilate: Put zeros between the taps of a side that grows instead of around them (Eq. 11);
            the new size less 1 is a multiple of the old one less 1 then.

    Returns:
        A new tensor ``(out, in, *size)``.
    """
    result = weight.new_zeros((*weight.shape[:2], *size))
    place = _spread if dilate else _centre
    (old_h, new_h), (old_w, new_w) = map(place, weight.shape[2:], size)
    result[:, :, new_h, new_w] = weight[:, :, old_h, old_w]
    return result


def _centre(old: int, new: int) -> tuple[slice, slice]:
    """The slices of an old and a new axis that lie on each other when their centres do."""
    common = min(old, new)
    first_old, first_new = (old - common) // 2, (new - common) // 2
    return slice(first_old, first_old + common), slice(first_new, first_new + common)


def _spread(old: int, new: int) -> tuple[slice, slice]:
    """The slices that put the first tap on the first, the last on the last, the rest between."""
    if not 1 < old < new:
        return _centre(old, new)
    return slice(None), slice(None, None, (new - 1) // (old - 1))


def slice_groups(weight: Tensor, groups: int) -> Tensor:
    """A dense convolution as a grouped one: each group keeps its own input channels (Eq. 4).

    Args:
        weight: ``(out, in, h, w)`` of the dense convolution; ``groups`` divides ``out`` and ``in``.
        groups: Number of groups of the new convolution.

    Returns:
        A new tensor ``(out, in / groups, h, w)``.
    """
    out_per_group, in_per_group = weight.shape[0] // groups, weight.shape[1] // groups
    return torch.cat(
        [
            weight[g * out_per_group : (g + 1) * out_per_group].narrow(
                1, g * in_per_group, in_per_group
            )
            for g in range(groups)
        ]
    )


def fit(
    tensor: Tensor,
    shape: Sequence[int],
    fill: float = 0.0,
    groups: int = 1,
    keep: Sequence[Tensor | None] = (None, None),
    dilate: bool = False,
    colours: bool = False,
) -> Tensor:
    """Bring a tensor to ``shape`` by the rules above: groups, then width, then kernel.

    Args:
        tensor: The source: a convolution ``(out, in, h, w)``, a matrix, a vector or a scalar.
        shape: Shape of the target, of the same number of dimensions.
        fill: Value of new channels (new kernel entries are always 0).
        groups: Groups of the target convolution when the source is a dense one; otherwise 1.
        keep: For output and input channels: the indices to keep where the target has fewer, as
            many as it has; None: the first ones.
        dilate: How a kernel grows; see ``fit_kernel``.
        colours: The input channels are those of images; see ``fit_colours``.

    Returns:
        A new tensor of that shape, bit for bit ``tensor`` when nothing changes.
    """
    result = slice_groups(tensor, groups) if groups > 1 else tensor.clone()
    if colours and result.shape[1] != shape[1]:
        result = fit_colours(result, shape[1])
    for dim, size in enumerate(shape[:2]):
        indices = keep[dim]
        if result.shape[dim] > size and indices is not None:
            result = result.index_select(dim, indices.to(result.device))
        elif result.shape[dim] != size:
            result = fit_channels(result, dim, size, fill)
    if tuple(result.shape[2:]) != tuple(shape[2:]):
        result = fit_kernel(result, shape[2:], dilate)
    return result
