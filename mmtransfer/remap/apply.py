"""Apply a plan: a pure function on state dicts."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mmtransfer.remap.plan import Move, Ranking, RemapError, RemapPlan
from mmtransfer.remap.ranking import reference, top_indices
from mmtransfer.remap.rules import fit


def remap(
    plan: RemapPlan, source: Mapping[str, Tensor], target: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The target's state dict after the plan; neither argument is changed.

    Args:
        plan: What to do.
        source: Tensors by name; at least those that the plan reads, with the planned shapes.
        target: Tensors by name; exactly those of the plan. Gives dtype and device of each result,
            and the value of those that the plan leaves alone.

    Returns:
        New tensors, in the plan's order, that share no memory with the arguments.

    Raises:
        RemapError: The tensors are not those that the plan was made for. Nothing was computed then.
    """
    _check(plan, source, target)
    kept: dict[tuple[Ranking, int], Tensor] = {}
    result = {}
    for move in plan.moves:
        own = target[move.target].detach()
        if move.source is None:
            result[move.target] = own.clone()
        else:
            tensor = source[move.source].detach().to(own.device, own.dtype)
            keep = [_indices(move, dim, source, kept) for dim in (0, 1)]
            dilate = move.kernel == 'dilate'
            made = fit(
                tensor, move.target_shape, move.fill, move.groups, keep, dilate, move.colours
            )
            if move.fresh:
                made[tensor.shape[0] :] = own[tensor.shape[0] :]
            result[move.target] = made
    return result


def _indices(
    move: Move,
    dim: int,
    source: Mapping[str, Tensor],
    kept: dict[tuple[Ranking, int], Tensor],
) -> Tensor | None:
    """The channels that a move keeps of a dimension; None where no ranking decides."""
    rank = move.ranks[dim]
    if rank is None:
        return None
    size = move.target_shape[dim]
    if (rank, size) not in kept:
        kept[rank, size] = top_indices(reference(source[rank.tensor], rank.by), size)
    return kept[rank, size]


def _check(plan: RemapPlan, source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    planned = {m.target: m.target_shape for m in plan.moves}
    faults = [f"target tensor '{name}' has no fate in the plan" for name in target.keys() - planned]
    pairs = [('target', target, m.target, m.target_shape) for m in plan.moves]
    for m in plan.moves:
        if m.source is not None and m.source_shape is not None:
            pairs.append(('source', source, m.source, m.source_shape))
    for side, tensors, name, shape in pairs:
        if name not in tensors:
            faults.append(f"{side} tensor '{name}' is missing")
        elif tuple(tensors[name].shape) != shape:
            found = tuple(tensors[name].shape)
            faults.append(f"{side} tensor '{name}' has shape {found}, the plan expects {shape}")
    for m in plan.moves:
        for rank, channels in zip(m.ranks, m.source_shape or (), strict=False):
            if rank is not None and source.get(rank.tensor, Tensor()).shape[:1] != (channels,):
                faults.append(f"source tensor '{rank.tensor}' does not rank {channels} channels")
    if faults:
        raise RemapError(
            'A plan applies only to the networks that it was made for: '
            + '; '.join(sorted(faults)[:5])
            + (f'; and {len(faults) - 5} more faults' if len(faults) > 5 else '')
            + '. Make the plan again from the layouts of these two networks.'
        )
