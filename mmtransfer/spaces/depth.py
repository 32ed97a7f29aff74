"""The space of block allocations around a seed (block allocation, Sec. 3.3, Eq. 4). No torch here.

A choice is how many blocks a stage keeps: the first S of at most N. Widths, strides and ops are the
seed's; blocks beyond the seed's own are like the last one of their stage. Stages of one block stay
as they are.
"""

from collections.abc import Sequence
from typing import Any

from mmtransfer.architecture import Architecture
from mmtransfer.limits import BLOCKS, short
from mmtransfer.seeds.layout import Layout, network_layout
from mmtransfer.seeds.networks import Network, deepened, seed_network, spell_out
from mmtransfer.seeds.published import SEEDS, SKIP, Seed, find_seed
from mmtransfer.space import Choice, SearchSpace, SpaceError
from mmtransfer.spaces.kind import Origins, Parts
from mmtransfer.spaces.stages import origins_at_depth, space_stages


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
    if _skips(found):
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
        Choice(f'stage{s}.blocks', tuple(str(n) for n in range(1, most_here + 1)))
        for s, most_here in zip(stages, most, strict=True)
    )
    return SearchSpace(name='depth', seed=seed, rule={'max_blocks': most}, choices=tuple(choices))


class DepthKind:
    """How many blocks each stage keeps: the first ones, as they are, in the supernet too."""

    name = 'depth'
    build = staticmethod(depth_space)

    def takes(self, seed: Any) -> bool:
        """Seeds without skips."""
        return isinstance(seed, str) and seed in SEEDS and not _skips(SEEDS[seed])

    def own_rule(self, seed: Any) -> dict[str, Any]:
        """None: by default a space goes as deep as its seed."""
        return {}

    def seed(self, space: SearchSpace, output_stride: int = 32) -> Network:
        """The seed of this name."""
        return seed_network(space.seed, output_stride)

    def closest(self, space: SearchSpace, exact: bool = False) -> Architecture:
        """As many blocks as the seed has, or all there are."""
        wanted = [str(n) for n in _own(find_seed(space.seed))]
        if not exact:
            wanted = [
                n if n in c.options else c.options[-1]
                for n, c in zip(wanted, space.choices, strict=True)
            ]
        return space.architecture(wanted)

    def order(self, space: SearchSpace) -> dict[str, tuple[str, ...]]:
        """From one block to all."""
        return {c.name: c.options for c in space.choices}

    def network(
        self, space: SearchSpace, architecture: Architecture, output_stride: int = 32
    ) -> Network:
        """The first blocks of each stage; those beyond the seed's own are like its last one."""
        seed, choices = find_seed(space.seed), space_stages(space)
        ops: list[Sequence[str]] = [
            deepened(stage.ops, int(architecture[of_stage[0].name])) if of_stage else stage.ops
            for stage, of_stage in zip(seed.stages, choices, strict=True)
        ]
        return spell_out(seed, ops, output_stride, [bool(of_stage) for of_stage in choices])

    def supernet(self, space: SearchSpace, output_stride: int = 32) -> Network:
        """The deepest network."""
        deepest = space.architecture([choice.options[-1] for choice in space.choices])
        return self.network(space, deepest, output_stride)

    def layout(self, space: SearchSpace, in_channels: int = 3) -> Layout:
        """Those of the deepest network; logits are there only where they were asked for."""
        return network_layout(self.supernet(space).reading(in_channels))

    def parts(self, space: SearchSpace, output_stride: int = 32) -> Parts:
        """S blocks are the first S of a stage."""
        stages = self.supernet(space, output_stride).stages
        pairs = list(zip(stages, space_stages(space), strict=True))
        return Parts(
            tuple(node for stage, choices in pairs if not choices for node in stage),
            {
                choice.name: {option: stage[: int(option)] for option in choice.options}
                for stage, choices in pairs
                for choice in choices
            },
        )

    def from_seed(self, space: SearchSpace, source: Network, target: Network) -> Origins:
        """By depth: blocks beyond the source's begin as copies of the last one of their stage."""
        return origins_at_depth(source, target)

    def from_supernet(self, space: SearchSpace, target: Network) -> Origins:
        """By depth, of which the supernet has no less: each block is its own origin."""
        return origins_at_depth(self.supernet(space), target)


DEPTH = DepthKind()


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


def _skips(seed: Seed) -> bool:
    return any(op == SKIP for s in searched_stages(seed) for op in seed.stages[s].ops)


def _listed(blocks: Any) -> list[Any]:
    """Numbers of blocks as a list; a lone one too, so that the check of their number refuses it."""
    return list(blocks) if isinstance(blocks, Sequence) else [blocks]
