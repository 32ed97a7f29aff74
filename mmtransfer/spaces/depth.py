"""The space of block allocations around a seed (block allocation, Sec. 3.3, Eq. 4). No torch here.

A choice is how many blocks a stage keeps: the first S of at most N. Widths, strides and ops are the
seed's; blocks beyond the seed's own are like the last one of their stage. Stages of one block stay
as they are.
"""

from collections.abc import Sequence
from typing import Any

from mmtransfer.architecture import Architecture
from mmtransfer.limits import BLOCKS, short
from mmtransfer.seeds.published import SKIP, Seed, find_seed
from mmtransfer.space import Choice, SearchSpace, SpaceError
from mmtransfer.spaces.networks import blocks_name


def depth_space(seed: str, max_blocks: Sequence[int] | None = None) -> SearchSpace:
    """The block allocations around a seed.

    Args:
        seed: Name of the seed.
        max_blocks: The most blocks of each searched stage, those in which the seed has several; by
            default as many as the seed has.

    Raises:
        SpaceError: An unknown seed, or values that make no space.
    """
    found = find_seed(seed)
    stages = searched_stages(found)
    if any(op == SKIP for s in stages for op in found.stages[s].ops):
        raise SpaceError(
            f'a space of block allocations needs a seed whose stages have no skips between their '
            f'blocks; {seed} has some. Choose another seed.'
        )
    most = _own(found) if max_blocks is None else _listed(max_blocks)
    if len(most) != len(stages) or not all(type(n) is int and 1 <= n <= BLOCKS for n in most):
        raise SpaceError(
            f'max_blocks must give at least 1 for each of the {len(stages)} searched stages of '
            f'{seed}, and at most {BLOCKS}; received {short(list(most))}'
        )
    choices = (
        Choice(blocks_name(s), tuple(str(n) for n in range(1, most_here + 1)))
        for s, most_here in zip(stages, most, strict=True)
    )
    return SearchSpace(name='depth', seed=seed, rule={'max_blocks': most}, choices=tuple(choices))


def searched_stages(seed: Seed) -> tuple[int, ...]:
    """The stages in which a seed has several blocks; a ResNet's are all."""
    return tuple(s for s, stage in enumerate(seed.stages) if len(stage.ops) > 1)


def allocation(
    seed: str, blocks: Sequence[int], max_blocks: Sequence[int] | None = None
) -> Architecture:
    """A network by its number of blocks per stage: ``allocation('resnet50', [1, 3, 7, 5])``.

    Args:
        seed: Name of the seed.
        blocks: Blocks of each searched stage, at least 1.
        max_blocks: Of the space that the architecture belongs to; by default just large enough for
            it and for the seed.

    Raises:
        SpaceError: Another number of stages, a stage of no blocks or of more than there are.
    """
    found = find_seed(seed)
    stages = searched_stages(found)
    wanted = _listed(blocks)
    if len(wanted) != len(stages) or not all(type(n) is int and 1 <= n <= BLOCKS for n in wanted):
        channels = ', '.join(str(found.stages[s].channels) for s in stages)
        raise SpaceError(
            f'blocks must give at least 1 for each of the {len(stages)} stages of {seed} that have '
            f'several ({channels} channels), and at most {BLOCKS}; received {short(wanted)}'
        )
    if max_blocks is None:
        max_blocks = [max(pair) for pair in zip(_own(found), wanted, strict=True)]
    return depth_space(seed, max_blocks).architecture([str(n) for n in wanted])


def _own(seed: Seed) -> list[int]:
    """How many blocks the seed has in each searched stage."""
    return [len(seed.stages[s].ops) for s in searched_stages(seed)]


def _listed(blocks: Any) -> list[Any]:
    """Numbers of blocks as a list; a lone one too, so that the check of their number refuses it."""
    return list(blocks) if isinstance(blocks, Sequence) else [blocks]
