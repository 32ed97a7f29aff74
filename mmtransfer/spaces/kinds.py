"""The kinds of space that are known, and which one a space is of. No torch here.

A new kind is a file with its record and one entry here, or one ``register`` elsewhere.
"""

from collections.abc import Iterable
from inspect import signature
from typing import Any

from mmtransfer.architecture import Architecture
from mmtransfer.limits import short
from mmtransfer.seeds.published import find_seed
from mmtransfer.space import SearchSpace, SpaceError
from mmtransfer.spaces.depth import DEPTH
from mmtransfer.spaces.kind import SpaceKind
from mmtransfer.spaces.mbconv import MBCONV
from mmtransfer.spaces.residual import RESIDUAL

# Name -> record. The first kind that takes a seed makes the space around it.
KINDS: dict[str, SpaceKind] = {kind.name: kind for kind in (MBCONV, RESIDUAL, DEPTH)}


def register(kind: SpaceKind) -> None:
    """Let a kind of space be known by its name.

    Raises:
        ValueError: Another kind has this name.
    """
    if KINDS.setdefault(kind.name, kind) is not kind:
        raise ValueError(f'a kind of space must have a name of its own; received {kind.name!r}')


def record_of(named: SearchSpace | Architecture) -> SpaceKind:
    """The record of the kind that a space, or the space of an architecture, is of.

    Raises:
        SpaceError: No kind has this name; the message lists those there are.
    """
    name = named.name if isinstance(named, SearchSpace) else named.space
    if name not in KINDS:
        raise SpaceError(f'the space must be one of {", ".join(KINDS)}; received {short(name)}')
    return KINDS[name]


def kind_around(seed: Any, kinds: Iterable[SpaceKind] | None = None) -> SpaceKind:
    """The first kind of which there is a space around this seed.

    Args:
        seed: Name of the seed.
        kinds: The kinds in question; by default all, in the order of their registration.

    Raises:
        SpaceError: The seed is unknown, or there is no such kind.
    """
    asked = list(KINDS.values() if kinds is None else kinds)
    for kind in asked:
        if kind.takes(seed):
            return kind
    if isinstance(seed, str):
        find_seed(seed)
    names = ', '.join(kind.name for kind in asked)
    raise SpaceError(
        f'the seed must be one that a space can be built around, of the kinds {names}; received '
        f'{short(seed)}'
    )


def rule_arguments(kind: SpaceKind) -> tuple[str, ...]:
    """Names of the arguments that make a rule of this kind."""
    return tuple(signature(kind.build).parameters)[1:]


def largest(space: SearchSpace) -> Architecture | None:
    """The architecture of the largest options; None where they have no order."""
    order = record_of(space).order(space)
    if order is None:
        return None
    return space.architecture({name: options[-1] for name, options in order.items()})
