"""Apply a plan: a pure function on state dicts."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mmtransfer.remap.plan import RemapError, RemapPlan
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
    result = {}
    for move in plan.moves:
        own = target[move.target].detach()
        if move.source is None:
            result[move.target] = own.clone()
        else:
            tensor = source[move.source].detach().to(own.device, own.dtype)
            result[move.target] = fit(tensor, move.target_shape, move.fill, move.groups)
    return result


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
    if faults:
        raise RemapError(
            'A plan applies only to the networks that it was made for: '
            + '; '.join(sorted(faults)[:5])
            + (f'; and {len(faults) - 5} more faults' if len(faults) > 5 else '')
            + '. Make the plan anew from the layouts of these two networks.'
        )
