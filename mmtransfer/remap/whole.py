"""A plan for a whole model: its backbones by plans of their own, the rest by equal name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mmtransfer.remap.plan import Layout, Move, RemapError, RemapPlan


@dataclass(frozen=True)
class BackbonePlan:
    """The plan of one backbone, and where it lies in both models.

    Attributes:
        plan: Its targets and sources have the names that they have in the whole models.
        prefix: What precedes the backbone's own names in the target: ``'backbone.'``, or
            ``'student.backbone.'``.
        origin: What precedes the names of the model around it in the source, ``''`` as a rule;
            None: the source is a backbone alone.
    """

    plan: RemapPlan
    prefix: str
    origin: str | None = ''

    @property
    def root(self) -> str:
        """What precedes the names of the model around it in the target: ``''``, ``'student.'``."""
        return root_of(self.prefix)


def root_of(prefix: str) -> str:
    """``'student.backbone.'`` to ``'student.'``, ``'backbone.'`` to ``''``."""
    root = prefix.removesuffix('.').rpartition('.')[0]
    return root and f'{root}.'


def plan_whole_model(
    backbones: Sequence[BackbonePlan],
    source: Layout,
    target: Layout,
    initialise: Sequence[str] = (),
    partly: bool = False,
) -> RemapPlan:
    """A plan for a whole model: its backbones by plans, neck and head by equal name.

    Args:
        backbones: Of the target.
        source: Name -> shape of the whole model that gives the weights.
        target: Name -> shape of the whole model that receives them.
        initialise: Beginnings of names whose tensors outside the backbone keep their own values.
        partly: So do those of modules of which the source has nothing at all.

    Raises:
        RemapError: The source lacks a tensor of neck or head, has it in another shape, or is not
            the network of a backbone's plan. The message counts what fits.
    """
    moves = {move.target: move for backbone in backbones for move in backbone.plan.moves}
    inside = tuple(backbone.prefix for backbone in backbones)
    faults = {
        name: f"'{name}' is no tensor of the {'plan' if name in target else 'model'}"
        for name in sorted(moves.keys() ^ {name for name in target if name.startswith(inside)})
    }
    faults |= _idle(initialise, [n for n in target if not n.startswith(inside)], backbones)
    present = {
        _module(name, b.origin) for b in backbones if b.origin is not None for name in source
    }
    for name, shape in target.items():
        if name in moves or name.startswith(inside):
            continue
        around = _around(name, backbones)
        wanted = _source_of(name, around, initialise)
        if wanted is not None and around is not None and wanted not in source:
            absent = partly and _module(wanted, around.origin or '') not in present
            if absent or name.endswith('num_batches_tracked'):
                wanted = None
        if wanted is None:
            moves[name] = Move(name, tuple(shape))
        else:
            moves[name] = Move(name, tuple(shape), wanted, tuple(shape))
    for move in moves.values():
        if move.source is None:
            continue
        if move.source not in source:
            faults[move.target] = f"'{move.source}' is missing in the source"
        elif tuple(source[move.source]) != move.source_shape:
            found = tuple(source[move.source])
            faults[move.target] = (
                f"'{move.source}' is {found} in the source, {move.source_shape} here"
            )
    if faults:
        raise RemapError(_refusal(faults, moves, backbones))
    ordered = tuple(moves[name] for name in target)
    used = {name for move in ordered for name in move.read}
    return RemapPlan(ordered, tuple(name for name in source if name not in used))


def _around(name: str, backbones: Iterable[BackbonePlan]) -> BackbonePlan | None:
    """The backbone whose model a tensor beside it belongs to."""
    fitting = [b for b in backbones if name.startswith(b.root)]
    return max(fitting, key=lambda b: len(b.root), default=None)


def _source_of(name: str, around: BackbonePlan | None, initialise: Sequence[str]) -> str | None:
    """The tensor of the source that one beside the backbone is made from; None: its own value."""
    if around is None or around.origin is None:
        return None
    inner = name.removeprefix(around.root)
    if name.startswith(tuple(initialise)) or inner.startswith(tuple(initialise)):
        return None
    return around.origin + inner


def _module(name: str, origin: str) -> str:
    """The outermost module of the source's model that a tensor lies in, with what precedes it."""
    return origin + name.removeprefix(origin).partition('.')[0]


def _idle(
    initialise: Sequence[str], names: Sequence[str], backbones: Sequence[BackbonePlan]
) -> dict[str, str]:
    roots = {'', *(backbone.root for backbone in backbones)}
    return {
        f'initialise {beginning}': (
            f"`initialise` names '{beginning}', with which no tensor outside the backbone begins"
        )
        for beginning in initialise
        if not any(n.startswith(root + beginning) for n in names for root in roots)
    }


def _refusal(
    faults: Mapping[str, str], moves: Mapping[str, Move], backbones: Sequence[BackbonePlan]
) -> str:
    """What does not fit, how much of each part does, and what to do."""
    roots = sorted({backbone.root for backbone in backbones}, key=len, reverse=True)

    def part(name: str) -> str:
        root = next((root for root in roots if name.startswith(root)), '')
        return root + name.removeprefix(root).partition('.')[0]

    wanted = Counter(part(move.target) for move in moves.values() if move.source is not None)
    fitting = wanted - Counter(part(name) for name in faults)
    counts = ', '.join(f'{name} {fitting[name]} of {n}' for name, n in wanted.items())
    more = f'; and {len(faults) - 8} more' if len(faults) > 8 else ''
    return (
        'The weights of a whole model can be taken only from one with the same neck and head, '
        "and with the supernet of the architecture's space, or the seed, as backbone: "
        f'{"; ".join(list(faults.values())[:8])}{more}. Tensors that fit: {counts}. Give both '
        'configs the same neck and head (also num_classes), take the backbone alone from the seed, '
        'or name what shall keep its own values in `initialise` of a mmtransfer.RemapHook (in '
        "place of load_from), such as ['bbox_head.']."
    )
