"""An architecture from wherever a config or a command has it."""

import os
from collections.abc import Mapping
from typing import Any

from mmtransfer.architecture import Architecture, ArchitectureError
from mmtransfer.limits import BLOCKS, NAME, short, whole_number
from mmtransfer.seeds.published import SEEDS
from mmtransfer.space import SpaceError
from mmtransfer.spaces.around import seed_architecture, space_of
from mmtransfer.spaces.depth import allocation
from mmtransfer.spaces.recorded import is_checkpoint, recorded_architecture


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
