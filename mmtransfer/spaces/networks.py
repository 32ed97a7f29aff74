"""The networks of a space's architectures, and of all that it offers. No torch here."""

from collections.abc import Sequence

from mmtransfer.architecture import Architecture
from mmtransfer.seeds.networks import (
    STEM,
    Network,
    Node,
    deepened,
    node_at,
    spell_out,
    stage_strides,
)
from mmtransfer.seeds.published import SKIP, find_seed
from mmtransfer.space import Choice, SearchSpace


def blocks_name(stage: int) -> str:
    """Name of the choice of how many blocks a stage keeps."""
    return f'stage{stage}.blocks'


def space_stages(space: SearchSpace) -> tuple[tuple[Choice, ...], ...]:
    """The choices of each stage over all stages of the seed; none where nothing is searched."""
    count = len(find_seed(space.seed).stages)
    return tuple(
        tuple(c for c in space.choices if c.name.startswith(f'stage{s}.')) for s in range(count)
    )


def candidates(
    space: SearchSpace, output_stride: int = 32
) -> tuple[tuple[tuple[Node, ...], ...], ...]:
    """What can stand at every position of a space: per stage and position a node for each op.

    A skip is no node. A position that is not searched has one; so have those of a space of block
    allocations, which are all that a stage can keep.
    """
    seed = find_seed(space.seed)
    strides = stage_strides(seed, output_stride)
    stages = []
    before = STEM
    for s, choices in enumerate(space_stages(space)):
        offered: list[tuple[str | None, tuple[str, ...]]]
        if choices and space.name != 'depth':
            offered = [(c.name, c.options) for c in choices]
        else:
            ops: Sequence[str] = [op for op in seed.stages[s].ops if op != SKIP]
            ops = deepened(ops, len(choices[0].options)) if choices else ops
            offered = [(None, (op,)) for op in ops]
        positions = []
        for n, (name, options) in enumerate(offered):
            ops_here = [seed.op(op) for op in options if op != SKIP]
            nodes = (node_at(seed, strides, s, n, n, op, name, (before,)) for op in ops_here)
            positions.append(tuple(nodes))
            before = f'stages.{s}.{n}'
        stages.append(tuple(positions))
    return tuple(stages)


def network_in(space: SearchSpace, architecture: Architecture, output_stride: int = 32) -> Network:
    """The network of an architecture of this space; skipped ones are dropped, others move up."""
    seed = find_seed(space.seed)
    choices = space_stages(space)
    ops: list[Sequence[str]] = []
    for stage, of_stage in zip(seed.stages, choices, strict=True):
        options = [architecture[c.name] for c in of_stage]
        if options and space.name == 'depth':
            ops.append(deepened(stage.ops, int(options[0])))
        else:
            ops.append(options or stage.ops)
    return spell_out(seed, ops, output_stride, [bool(of_stage) for of_stage in choices])


def deepest(space: SearchSpace, output_stride: int = 32) -> Network:
    """The network of a space of block allocations that keeps every block."""
    most = [choice.options[-1] for choice in space.choices]
    return network_in(space, space.architecture(most), output_stride)
