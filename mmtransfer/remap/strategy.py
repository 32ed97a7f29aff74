"""Other ways than the default to narrow or widen a layer or to grow its kernel (FNA++, Sec. 4.9).

A strategy rewrites the moves of a plan. No tensor is read: a plan says which tensor ranks the
channels, and applying it computes the ranking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mmtransfer.remap.plan import Move, Ranking, RemapError, RemapPlan
from mmtransfer.seeds.mbconv import HIDDEN
from mmtransfer.seeds.ops import Axis

WIDTHS = ('first', 'bn_scale', 'std', 'l1')
KERNELS = ('centre', 'dilate')
NEW = ('zero', 'fresh')
STRATEGIES = {'width': WIDTHS, 'kernel': KERNELS, 'new': NEW}


def check_strategy(**strategy: str) -> None:
    """Raise ValueError unless every key is one of ``STRATEGIES`` and has one of its values."""
    if any(name not in STRATEGIES.get(key, ()) for key, name in strategy.items()):
        keys = ', '.join(f'{key} one of {names}' for key, names in STRATEGIES.items())
        given = ', '.join(f'{key}={name!r}' for key, name in strategy.items())
        raise ValueError(f'a remapping strategy may name {keys}; received {given}.')


def with_strategy(
    plan: RemapPlan,
    width: str = 'first',
    kernel: str = 'centre',
    new: str = 'zero',
    axes: Sequence[Axis] = (HIDDEN,),
) -> RemapPlan:
    """The same plan, with other channels kept, other taps filled or new channels that learn.

    Moves that change neither channels nor kernel stay as they are. A dense layer that becomes a
    grouped one keeps the input channels of each group (Eq. 4). Growth leaves what the network
    computes unchanged, with two exceptions: ``'dilate'`` makes a convolution compute what it
    computes when it is dilated, and a block that had no expansion begins with a random one.

    Args:
        plan: Its targets have this package's names, its sources any.
        width: What a target with fewer channels keeps: ``'first'`` (Eq. 2), or those of the largest
            ``'bn_scale'`` (the batch norm's absolute weight), ``'std'`` or ``'l1'`` (norm of the
            convolution's weights), in their old order (Algorithm 1). One ranking decides for all
            layers of a block that share the channels.
        kernel: Where the taps of a smaller kernel go: ``'centre'`` (Eq. 5) or ``'dilate'``, evenly
            over the whole larger kernel (Eq. 11). Kernels that shrink are cropped to their centre
            under both, since Eq. 11 says nothing of them.
        new: Hidden channels that the source does not have: ``'zero'`` throughout (Eq. 3), so that
            they receive no gradient and stay what they are; or ``'fresh'``: expansion and depthwise
            convolution keep their own initial values there and only what the projection makes of
            them is zero, so that they learn. Ours; the paper has no such strategy.
        axes: The hidden channels of the networks' blocks; by default those of MBConv blocks.

    Returns:
        A new plan with the same targets and sources.

    Raises:
        ValueError: No such strategy.
        RemapError: A layer cannot be treated so; the message names it.
    """
    check_strategy(width=width, kernel=kernel, new=new)
    moves = [replace(m, ranks=(None, None), kernel='centre', fresh=False) for m in plan.moves]
    found = {m.target: m for m in moves}
    faults: dict[str, str] = {}
    for i, move in enumerate(moves):
        try:
            if kernel == 'dilate':
                move = _dilated(move)
            if width != 'first':
                move = _ranked(move, found, width, axes)
            if new == 'fresh':
                move = replace(move, fresh=_widens_hidden(move, axes))
        except RemapError as error:
            faults[move.target] = str(error)
        moves[i] = move
    if faults:
        first, *others = faults
        more = f' ... and {len(others) - 4} more' if len(others) > 4 else ''
        same = f' Nor can it treat {", ".join(others[:4])}{more}.' if others else ''
        raise RemapError(faults[first] + same)
    return RemapPlan(tuple(moves), plan.unused)


def _ranked(move: Move, moves: Mapping[str, Move], by: str, axes: Sequence[Axis]) -> Move:
    """The move with a ranking for each dimension that it narrows."""
    ranks: list[Ranking | None] = [None, None]
    for dim in _narrowed(move):
        block, axis = _axis(move, dim, by, axes)
        names = [f'{block}.{name}' for name in ((axis.norm,) if by == 'bn_scale' else axis.weights)]
        ranking = [m for m in map(moves.get, names) if m is not None and m.source is not None]
        if not ranking:
            raise RemapError(
                f"width='{by}' ranks the channels of '{move.target}' by what {' or '.join(names)} "
                f'is made from, and there is no such tensor. Choose another of {WIDTHS}.'
            )
        first = ranking[0]
        here = move.source_shape[dim] if move.source_shape else 0
        if first.source_shape is None or first.source is None or first.source_shape[0] != here:
            raise RemapError(
                f"width='{by}' needs one rank for each of the {here} channels of '{move.source}'; "
                f"'{first.source}' has shape {first.source_shape}. Choose width='first'."
            )
        ranks[dim] = Ranking(by, first.source)
    return replace(move, ranks=(ranks[0], ranks[1]))


def _widens_hidden(move: Move, axes: Sequence[Axis]) -> bool:
    """Whether a convolution makes hidden channels that the source's does not have."""
    module = '.'.join(move.target.split('.')[-3:-1])
    makes = module.endswith('.conv') and any(a.members.get(module) == 0 for a in axes)
    return makes and move.source_shape is not None and move.source_shape[0] < move.target_shape[0]


def _narrowed(move: Move) -> Iterator[int]:
    """Dimensions in which channels are dropped; a group's own input channels are not a choice, nor
    are those of images."""
    for dim, (have, want) in enumerate(
        zip(move.source_shape or (), move.target_shape, strict=False)
    ):
        if dim < 2 and have > want and not (dim == 1 and (move.groups > 1 or move.colours)):
            yield dim


def _axis(move: Move, dim: int, by: str, axes: Sequence[Axis]) -> tuple[str, Axis]:
    """The block that a tensor lies in and the shared channels that a dimension of it is."""
    block, *names = move.target.rsplit('.', 3)
    module = '.'.join(names[:2])
    for axis in axes:
        if axis.members.get(module) == dim:
            return block, axis
    side = 'input' if dim else 'output'
    raise RemapError(
        f"width='{by}' can choose only among the hidden channels of a block, which no other layer "
        f"reads; it cannot treat the {side} channels of '{move.target}' ({move.source_shape} -> "
        f"{move.target_shape}). Choose width='first', or give both networks as many of them."
    )


def _dilated(move: Move) -> Move:
    """The move with its taps spread if its kernel grows; a single tap goes to the centre."""
    sides = list(zip((move.source_shape or ())[2:], move.target_shape[2:], strict=False))
    growing = [(have, want) for have, want in sides if 1 < have < want]
    if not growing:
        return move
    if any((want - 1) % (have - 1) for have, want in growing):
        have, want = ('x'.join(map(str, side)) for side in zip(*sides, strict=True))
        raise RemapError(
            f"kernel='dilate' cannot spread the {have} taps of '{move.source}' evenly over the "
            f"{want} of '{move.target}': the new size less 1 must be a multiple of the old size "
            "less 1. Leave this size out of the space's kernels, or choose kernel='centre'."
        )
    return replace(move, kernel='dilate')
