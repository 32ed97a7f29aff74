"""From names to spaces: the space around a seed, the space of an architecture, the seed in it."""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from mmtransfer.architecture import Architecture
from mmtransfer.limits import NAME, short
from mmtransfer.seeds.networks import Network
from mmtransfer.space import SearchSpace, SpaceError
from mmtransfer.spaces.kind import SpaceKind
from mmtransfer.spaces.kinds import kind_around, record_of, rule_arguments


def space_around(seed: Any, **rule: Any) -> SearchSpace:
    """The space around a seed, of the first kind that there is for it.

    Args:
        seed: Name of the seed.
        **rule: Arguments of ``mbconv_space``, for a ResNet of ``residual_space``.

    Raises:
        SpaceError: An unknown seed or argument, or values that make no space.
    """
    return build_space(kind_around(seed), seed, rule)


def space_of(architecture: Architecture) -> SearchSpace:
    """The space of an architecture, built again from its seed and rule.

    Raises:
        SpaceError: Space, seed or rule are unknown here, or make choices other than those that the
            architecture was found among.
    """
    space = build_space(record_of(architecture), architecture.seed, dict(architecture.rule))
    if space.fingerprint != architecture.fingerprint:
        raise SpaceError(
            f'the space {space.name!r} of seed {space.seed!r} and rule {json.dumps(space.rule)} '
            f'has the fingerprint {space.fingerprint}; the architecture is of a space with '
            f'fingerprint {architecture.fingerprint}. Seed and rule must be those of the search '
            f'that found it: restore them, or derive the architecture again.'
        )
    return space


def build_space(kind: SpaceKind, seed: Any, rule: dict[str, Any]) -> SearchSpace:
    """A space of a kind; the same one for the same arguments.

    Raises:
        SpaceError: Unknown arguments, or values that make no space.
    """
    try:
        return _cached(kind.build, json.dumps(seed), json.dumps(rule, sort_keys=True))
    except TypeError as error:
        raise SpaceError(
            f'a space around {short(seed)} takes {", ".join(rule_arguments(kind))}; received '
            f'{short(rule)}: {str(error)[:NAME]}'
        ) from None


@lru_cache(maxsize=64)
def _cached(build: Callable[..., SearchSpace], seed: str, rule: str) -> SearchSpace:
    return build(json.loads(seed), **json.loads(rule))


def network(architecture: Architecture, output_stride: int = 32) -> Network:
    """The network of an architecture; what is dead is not in it.

    Args:
        architecture: Of any space known here.
        output_stride: Size of the image over that of the last features: 8, 16 or 32.

    Raises:
        SpaceError: The architecture is not of the space that its seed and rule make.
    """
    space = space_of(architecture)
    space.check(architecture)
    return record_of(space).network(space, architecture, output_stride)


def seed_architecture(name: Any, **rule: Any) -> Architecture:
    """The seed as an architecture of the space around it: its own ops, then skips.

    Args:
        name: Name of the seed.
        **rule: As for ``space_around``; what is not given is wide enough for the seed.

    Raises:
        SpaceError: The space does not contain the seed, its stages being too short for instance.
    """
    kind = kind_around(name)
    space = build_space(kind, name, kind.own_rule(name) | rule)
    return kind.closest(space, exact=True).replace(provenance={'source': f'the seed {name}'})


def closest_to_seed(space: SearchSpace) -> Architecture:
    """The architecture of a space most like its seed; the seed itself if it is there."""
    return record_of(space).closest(space)
