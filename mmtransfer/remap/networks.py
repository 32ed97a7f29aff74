"""Which block of one network gives its weights to which block of another (FNA++, Sec. 3.1, 3.2.3).

Everything here works on values: networks, spaces and their layouts; no module is built.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmtransfer.remap.plan import Layout, RemapError, RemapPlan, by_block, plan_remap
from mmtransfer.seeds import Network, Node
from mmtransfer.seeds.layout import image_weight, network_layout
from mmtransfer.seeds.ops import Conv
from mmtransfer.space import SearchSpace
from mmtransfer.spaces.kind import Origins
from mmtransfer.spaces.kinds import record_of
from mmtransfer.spaces.stages import origins_at_depth

LOGITS = 'logits.'


def network_to_network(source: Network, target: Network, layout: Layout | None = None) -> RemapPlan:
    """A plain network from another one, at depth, width and kernel level (FNA++, Eq. 1-6).

    Layer i of a stage comes from layer min(i, l - 1) of the source's stage of l layers; i counts
    after skipped layers are dropped.

    Channels beyond the source's are 0 throughout a block. That leaves its output unchanged, and it
    also means that they receive no gradient: Eq. 3 makes room, it does not fill it. An expansion
    that the source's block does not have keeps its initial values, and the output changes.

    Args:
        source: The network that gives the weights.
        target: The network that receives them.
        layout: The tensors that the source really has, when some counters are missing.

    Raises:
        RemapError: The networks have different numbers of stages.
    """
    _same_stages(source, target)
    origins = origins_at_depth(source, target)
    return _plan(source, target, origins, layout or network_layout(source), network_layout(target))


def same_network(source: Network, target: Network) -> RemapPlan:
    """A network from another training of it, perhaps for images of other channels."""
    origins = {node.name: node.name for node in target.nodes}
    return _plan(source, target, origins, network_layout(source), network_layout(target))


def seed_to_network(
    source: Network, space: SearchSpace, target: Network, layout: Layout | None = None
) -> RemapPlan:
    """The network of an architecture from the seed, as its kind of space has it.

    Args:
        source: The network that gives the weights, as a rule the seed of the space.
        space: The space of the architecture.
        target: Its network.
        layout: The tensors that the source really has, when some counters are missing.

    Raises:
        RemapError: The source has another number of stages than the target.
    """
    _same_stages(source, target)
    origins = record_of(space).from_seed(space, source, target)
    return _plan(source, target, origins, layout or network_layout(source), network_layout(target))


def seed_to_supernet(
    source: Network, space: SearchSpace, layout: Layout | None = None, in_channels: int = 3
) -> RemapPlan:
    """Every candidate of a supernet from the seed (FNA++, Sec. 3.2.1).

    Args:
        source: The network that gives the weights, as a rule the seed of the space.
        space: The space that the supernet spans.
        layout: The tensors that the source really has, when some counters are missing.
        in_channels: Of the images that the supernet reads.

    Raises:
        RemapError: The source has another number of stages than the space's seed.
    """
    kind = record_of(space)
    target = kind.supernet(space).reading(in_channels)
    _same_stages(source, target)
    origins = kind.from_seed(space, source, target)
    own = kind.layout(space, in_channels)
    return _plan(source, target, origins, layout or network_layout(source), own)


def supernet_to_network(
    space: SearchSpace, target: Network, layout: Layout | None = None
) -> RemapPlan:
    """The chosen candidates of a supernet, collected into the plain network (FNA++, Sec. 3.2.3).
    Every tensor is copied as it is.

    Args:
        space: The space that the supernet spans.
        target: The network of an architecture of that space.
        layout: The tensors that the supernet really has; default: all of its layout, for images
            like the target's.

    Raises:
        RemapError: A layer of the target is of another space.
    """
    kind = record_of(space)
    given = layout or kind.layout(space, target.seed.in_channels)
    origins = kind.from_supernet(space, target)
    for node in target.nodes:
        if node.name not in origins:
            raise RemapError(
                f"The network must be of the supernet's space; its layer {node.name} was decided "
                f"by '{node.choice}', which is none of "
                f'{", ".join(choice.name for choice in space.choices)}. Take the space from the '
                'architecture: mmtransfer.spaces.space_of(architecture).'
            )
    return _plan(kind.supernet(space), target, origins, given, network_layout(target))


def supernet_to_supernet(layout: Layout, images: str, in_channels: int) -> RemapPlan:
    """A supernet from another training of the same supernet. Tensors are copied, but for the
    logits: a search starts again.

    Args:
        layout: Name -> shape of the target's tensors.
        images: Name of the weight that reads the images.
        in_channels: Of the images that the source reads.
    """
    weights = {name: shape for name, shape in layout.items() if not name.startswith(LOGITS)}
    weights[images] = (layout[images][0], in_channels, *layout[images][2:])
    return plan_remap(
        layout, weights, lambda name: name if name in weights else None, images=images
    )


def _plan(
    source: Network, target: Network, origins: Origins, given: Layout, wanted: Layout
) -> RemapPlan:
    """The plan that follows from where each node comes from.

    Args:
        source: Of the nodes that give weights.
        target: Of those that receive them.
        origins: Name of each node of the target -> name of the source's.
        given: The tensors that the source has.
        wanted: Those of the target; what is neither of the stem nor of a node keeps its own values.
    """
    nodes = {node.name: node for node in source.nodes}
    blocks: dict[str, str | None] = dict.fromkeys(name.partition('.')[0] for name in wanted)
    if source.seed.deep_stem == target.seed.deep_stem:  # ResNet-C's is made of other convolutions
        blocks['stem'] = 'stem'
    groups: dict[str, int] = {}
    for node in target.nodes:
        name = origins[node.name]
        if name is None:
            blocks[node.name] = None
            continue
        blocks |= _blocks(nodes[name], node)
        groups |= _groups(nodes[name], node)
    return plan_remap(wanted, given, by_block(blocks), groups, image_weight(target.seed))


def _blocks(origin: Node, target: Node) -> dict[str, str | None]:
    """Where the convolutions of a node come from.

    An expansion that the source does not have is initialised, and with it what else makes hidden
    channels, the depthwise convolution behind it: of a remapped one all new channels would be zero,
    and next to the zeros that Eq. 3 puts into the projection they would never receive a gradient. A
    grouped convolution of another width has its channels in other groups: the whole path through it
    is initialised (ResNeXt from ResNet).
    """
    name = target.name
    blocks: dict[str, str | None] = {name: origin.name}
    if _regrouped(origin, target.convs):
        path = (c.name for c in target.convs if c.name != 'downsample' and '.' not in c.name)
        blocks |= {f'{name}.{conv}': None for conv in path}
    known = {conv.name for conv in origin.convs}
    makers = tuple(target.op.hidden.makers()) if target.op.hidden else ()
    for conv in target.convs:
        if conv.name not in known:
            new = makers if conv.name in makers else (conv.name,)
            blocks |= {f'{name}.{module}': None for module in new}
    return blocks


def _groups(origin: Node, target: Node) -> dict[str, int]:
    """Weights of grouped convolutions that come from a plain one (FNA++, Eq. 4)."""
    known = {conv.name: conv.groups for conv in origin.convs}
    found: dict[str, int] = {}
    if _regrouped(origin, target.convs):
        return found
    for conv in target.convs:
        have = known.get(conv.name, conv.groups)
        if have == conv.groups or origin.op.hidden:  # depthwise: one group per channel
            continue
        if have > 1:
            raise RemapError(
                f"'{target.name}.{conv.name}' has {conv.groups} groups and cannot be made from "
                f"'{origin.name}.{conv.name}', which has {have}: only a plain convolution can be "
                'split into groups (Eq. 4). Take the weights from the seed, or keep the groups.'
            )
        found[f'{target.name}.{conv.name}.conv.weight'] = conv.groups
    return found


def _regrouped(origin: Node, convs: Sequence[Conv]) -> bool:
    """Whether a grouped convolution is where the source's has another width. One group per hidden
    channel is no grouping of its own."""
    known = {conv.name: conv for conv in origin.convs}
    return not origin.op.hidden and any(
        known[conv.name].out_channels != conv.out_channels
        and max(known[conv.name].groups, conv.groups) > 1
        for conv in convs
        if conv.name in known
    )


def _same_stages(source: Network, target: Network) -> None:
    if len(source.stages) != len(target.stages):
        raise RemapError(
            f'Both networks must have the same number of stages; the source {source.seed.name} has '
            f'{len(source.stages)}, the target {len(target.stages)}. Give a source of the same '
            'family.'
        )
