"""The space of residual networks around a ResNet (FNA++, Sec. 4.4 and Table 7). No torch here.

Every block takes the kernel and the number of groups of one convolution: the first of a basic
block, the second of a bottleneck (Fig. 5). Depth, widths and strides are the seed's.
"""

from collections.abc import Sequence
from typing import Any

from mmtransfer.limits import OPS as MOST_OPS
from mmtransfer.limits import short
from mmtransfer.seeds.networks import choice_name
from mmtransfer.seeds.published import find_seed
from mmtransfer.space import Choice, SearchSpace, SpaceError
from mmtransfer.spaces.layerwise import Layerwise

OPS = ('k3g1', 'k5g2', 'k5g4', 'k7g4', 'k7g8')


def residual_space(seed: str, ops: Sequence[str] | None = None) -> SearchSpace:
    """The space around a ResNet.

    Args:
        seed: Name of the seed.
        ops: What every block chooses from: ``'k5g2'`` for kernel 5 and 2 groups. By default those
            of Table 7; around a variant of ResNet, whose blocks are not among them, its own.

    Raises:
        SpaceError: An unknown seed, or values that make no space.
    """
    found = find_seed(seed)
    if not RESIDUAL.takes(seed):
        raise SpaceError(
            f'a residual space needs a seed of residual blocks; {seed} is made of '
            f'{found.kind.label} blocks: its space takes other arguments (layers, kernels, '
            f'expansions).'
        )
    if ops is None:
        own = tuple(dict.fromkeys(op for stage in found.stages for op in stage.ops))
        ops = OPS if set(own) <= set(OPS) else own
    if not ops or len(ops) > MOST_OPS or len(set(ops)) != len(ops):
        raise SpaceError(f'ops must be one to {MOST_OPS}, each once; received {short(list(ops))}')
    for op in ops:
        if 'g' not in op:
            raise SpaceError(f"ops must read like 'k5g2', kernel and groups; received {short(op)}")
        found.op(op)
    choices = (
        Choice(choice_name(s, n), tuple(ops))
        for s, stage in enumerate(found.stages)
        for n in range(len(stage.ops))
    )
    space = SearchSpace('residual', seed, rule={'ops': list(ops)}, choices=tuple(choices))
    for node in RESIDUAL.supernet(space).nodes:
        if node.position > 1:  # all have the same channels
            continue
        for conv in node.convs:
            channels = conv.in_channels, conv.out_channels
            if not all(channels) or any(n % conv.groups for n in channels):
                raise SpaceError(
                    f'groups must divide the channels of the convolution, of which there must be '
                    f'some; {node.choice} of {seed} has {channels[0]} and {channels[1]}, '
                    f'{node.op.text!r} makes {conv.groups} groups. Leave it out of ops.'
                )
    return space


class ResidualKind(Layerwise):
    """Kernel and groups of every block, around seeds of residual blocks."""

    name = 'residual'
    build = staticmethod(residual_space)

    def own_rule(self, seed: Any) -> dict[str, Any]:
        """None: by default a space offers the seed's own ops."""
        return {}


RESIDUAL = ResidualKind()
