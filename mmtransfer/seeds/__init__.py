"""Published networks as architectures, and the spaces around them. No torch here.

An architecture file names its space, seed and rule; this is where they become the space again.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from ..architecture import Architecture, ArchitectureError
from ..space import SearchSpace, SpaceError
from .mbconv import (
    SEEDS,
    Layer,
    Network,
    Seed,
    Stage,
    closest_to_seed,
    mbconv_space,
    network,
    parse_op,
    seed_architecture,
    seed_network,
)

__all__ = [
    'SEEDS',
    'SPACES',
    'Layer',
    'Network',
    'Seed',
    'Stage',
    'closest_to_seed',
    'mbconv_space',
    'network',
    'parse_op',
    'read_architecture',
    'seed_architecture',
    'seed_network',
    'space_of',
]

# Name of a space -> the function (seed, **rule) that builds it.
SPACES: dict[str, Callable[..., SearchSpace]] = {'mbconv': mbconv_space}


def space_of(architecture: Architecture) -> SearchSpace:
    """The space of an architecture, built again from its seed and rule.

    Raises:
        SpaceError: Space, seed or rule are unknown here, or make choices other than those that the
            architecture was found among.
    """
    if architecture.space not in SPACES:
        raise SpaceError(
            f'the space must be one of {", ".join(SPACES)}; received {architecture.space!r}'
        )
    try:
        space = SPACES[architecture.space](architecture.seed, **architecture.rule)
    except TypeError as error:
        raise SpaceError(
            f'the rule must hold the keyword arguments of {SPACES[architecture.space].__name__}; '
            f'received {json.dumps(architecture.rule)}: {error}'
        ) from None
    if space.fingerprint != architecture.fingerprint:
        raise SpaceError(
            f'the space {space.name!r} of seed {space.seed!r} and rule {json.dumps(space.rule)} '
            f'has the fingerprint {space.fingerprint}; the architecture is of a space with '
            f'fingerprint {architecture.fingerprint}. Seed and rule must be those of the search '
            f'that found it: restore them, or derive the architecture again.'
        )
    return space


def read_architecture(source: Architecture | Mapping[str, Any] | str | os.PathLike) -> Architecture:
    """An architecture from wherever a config has it, checked against its space.

    Args:
        source: Name of a seed, path of an architecture file, the content of one as a mapping, or an
            architecture.

    Raises:
        ArchitectureError: There is no such file, or it does not hold an architecture of its space.
    """
    if isinstance(source, Architecture):
        found, origin = source, 'the architecture'
    elif isinstance(source, Mapping):
        origin = 'the architecture in the config'
        found = Architecture.from_json(json.dumps(source), origin)
    elif source in SEEDS:
        return seed_architecture(str(source))
    else:
        origin = os.fspath(source)
        try:
            found = Architecture.read(source)
        except ArchitectureError as error:
            if os.path.exists(origin):
                raise
            raise ArchitectureError(f'{error} The seeds {", ".join(SEEDS)} need no file.') from None
    try:
        space = space_of(found)
        return space.architecture(
            found.as_dict,
            cost=found.cost,
            input_size=found.input_size,
            provenance=found.provenance,
        )
    except SpaceError as error:
        raise SpaceError(f'{origin}: {error}') from None
