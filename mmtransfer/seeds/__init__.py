"""Published networks as architectures, and the spaces around them. No torch here.

An architecture file names its space, seed and rule; this is where they become the space again.
"""

import os
from collections.abc import Mapping
from typing import Any

from ..architecture import Architecture, ArchitectureError
from ..limits import BLOCKS, NAME, short, whole_number
from ..space import SpaceError
from .depth import allocation, depth_space
from .mbconv import mbconv_space
from .networks import Layer, Network, seed_network, space_stages
from .ops import Conv, parse_op
from .published import SEEDS, SKIP, Seed, Stage, find_seed
from .recorded import is_checkpoint, recorded_architecture
from .residual import residual_space
from .spaces import SPACES, closest_to_seed, network, seed_architecture, space_around, space_of

__all__ = [
    'SEEDS',
    'SKIP',
    'SPACES',
    'Conv',
    'Layer',
    'Network',
    'Seed',
    'Stage',
    'allocation',
    'closest_to_seed',
    'depth_space',
    'find_seed',
    'mbconv_space',
    'network',
    'parse_op',
    'read_architecture',
    'residual_space',
    'seed_architecture',
    'seed_network',
    'space_around',
    'space_of',
    'space_stages',
]


def read_architecture(source: Architecture | Mapping[str, Any] | str | os.PathLike) -> Architecture:
    """An architecture from wherever a config has it, checked against its space.

    Args:
        source: Name of a seed; one with its blocks per stage, ``'resnet50:1,3,7,5'``; path of an
            architecture file, the content of one as a mapping, or an architecture; or path of a
            checkpoint of an adapted network, which holds its architecture.

    Raises:
        ArchitectureError: There is no such file, it does not hold an architecture of its space, or
            the source is nothing of the above.
        SpaceError: The seed has no such blocks.
    """
    if isinstance(source, Architecture):
        found, origin = source, 'the architecture'
    elif isinstance(source, Mapping):
        origin = 'the architecture in the config'
        found = Architecture.from_content(source, origin)
    elif not isinstance(source, str | os.PathLike):
        raise ArchitectureError(
            f'an architecture must be given as the name of a seed, or as the path or the content '
            f'of an architecture file; received {short(source)}.'
        )
    elif source in SEEDS:
        return seed_architecture(str(source))
    elif isinstance(source, str) and (seed := source.partition(':'))[0] in SEEDS:
        return allocation(seed[0], _numbers(seed[2], source))
    else:
        origin = os.fspath(source)
        try:
            read = recorded_architecture if is_checkpoint(source) else Architecture.read
            found = read(source)
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
            output_stride=found.output_stride,
            provenance=found.provenance,
        )
    except SpaceError as error:
        raise SpaceError(f'{origin}: {error}') from None


def _numbers(text: str, source: str) -> list[int]:
    found = [whole_number(number, BLOCKS) for number in text[:NAME].split(',')]
    numbers = [number for number in found if number is not None]
    if len(numbers) != len(found) or len(text) > NAME:
        raise ArchitectureError(
            f'blocks must read like resnet50:1,3,7,5; received {short(source)}. Give each stage '
            f'of several blocks 1 to {BLOCKS}.'
        )
    return numbers
