"""Which block of one network gives its weights to which block of another (FNA++, Sec. 3.1, 3.2.3).

Everything here works on values: networks, spaces and their layouts; no module is built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from mmtransfer.remap.plan import Layout, RemapError, RemapPlan, by_block, plan_remap
from mmtransfer.seeds import Network, Node, Seed, find_seed
from mmtransfer.seeds.layout import image_weight, network_layout
from mmtransfer.seeds.ops import Conv
from mmtransfer.space import SearchSpace
from mmtransfer.spaces import space_stages
from mmtransfer.spaces.layout import supernet_layout
from mmtransfer.spaces.networks import candidates, deepest

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
    _same_stages(source, len(target.stages))
    blocks = _stem(source.seed, target.seed)
    groups: dict[str, int] = {}
    for node in target.nodes:
        origin = _at_depth(source, node.stage, node.index)
        blocks |= _blocks(origin, node, node.name)
        groups |= _groups(origin, node.convs, node.name)
    given = layout or network_layout(source)
    images = image_weight(target.seed)
    return plan_remap(network_layout(target), given, by_block(blocks), groups, images)


def seed_to_supernet(
    source: Network, space: SearchSpace, layout: Layout | None = None, in_channels: int = 3
) -> RemapPlan:
    """Every candidate of a supernet from the seed's layer at its depth (FNA++, Sec. 3.2.1).

    Args:
        source: The network that gives the weights, as a rule the seed of the space.
        space: The space that the supernet spans.
        layout: The tensors that the source really has, when some counters are missing.
        in_channels: Of the images that the supernet reads.

    Raises:
        RemapError: The source has another number of stages than the space's seed.
    """
    if space.name == 'depth':
        return network_to_network(source, deepest(space).reading(in_channels), layout)
    stages = candidates(space)
    _same_stages(source, len(stages))
    blocks = _stem(source.seed, find_seed(space.seed)) | {'logits': None}
    groups: dict[str, int] = {}
    for node in chain.from_iterable(chain.from_iterable(stages)):
        if node.choice is None:
            blocks[node.name] = node.name
            continue
        origin = _at_depth(source, node.stage, node.position)
        name = _candidate(node.stage, node.position, node.op.text)
        blocks |= _blocks(origin, node, name)
        groups |= _groups(origin, node.convs, name)
    given = layout or network_layout(source)
    images = image_weight(find_seed(space.seed))
    target = supernet_layout(space, in_channels)
    return plan_remap(target, given, by_block(blocks), groups, images)


def supernet_to_network(
    space: SearchSpace, target: Network, layout: Layout | None = None
) -> RemapPlan:
    """The chosen candidates of a supernet, collected into the plain network (FNA++, Sec. 3.2.3).

    Dropping skipped layers moves the later ones up; the candidates are found by the positions that
    they had in the space. Every tensor is copied as it is.

    Args:
        space: The space that the supernet spans.
        target: The network of an architecture of that space.
        layout: The tensors that the supernet really has; default: all of `supernet_layout`, for
            images like the target's.
    """
    given = layout or supernet_layout(space, target.seed.in_channels)
    if space.name == 'depth':  # the first blocks of each stage, as they are
        return network_to_network(deepest(space), target, given)
    position = {
        choice.name: (stage, n)
        for stage, choices in enumerate(space_stages(space))
        for n, choice in enumerate(choices)
    }
    blocks: dict[str, str | None] = {'stem': 'stem'}
    for node in target.nodes:
        blocks[node.name] = _origin(node, position)
    images = image_weight(target.seed)
    return plan_remap(network_layout(target), given, by_block(blocks), images=images)


def supernet_to_supernet(layout: Layout, images: str, in_channels: int) -> RemapPlan:
    """A supernet from another training of the same supernet. Tensors are copied, but for the
    logits: a search begins anew.

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


def _stem(source: Seed, target: Seed) -> dict[str, str | None]:
    """Where the stem comes from; one of other convolutions (ResNet-C's of ResNet's) is new."""
    return {'stem': 'stem' if source.deep_stem == target.deep_stem else None}


def _at_depth(source: Network, stage: int, index: int) -> Node:
    """The source's node for the one at ``index`` of a stage, counted from 0 (FNA++, Eq. 1)."""
    nodes = source.stages[stage]
    return nodes[min(index, len(nodes) - 1)]


def _blocks(origin: Node, target: Node, name: str) -> dict[str, str | None]:
    """Where the convolutions of a node come from, which is called ``name``.

    An expansion that the source does not have is initialised, and with it what else makes hidden
    channels, the depthwise convolution behind it: of a remapped one all new channels would be zero,
    and next to the zeros that Eq. 3 puts into the projection they would never receive a gradient. A
    grouped convolution of another width has its channels in other groups: the whole path through it
    is initialised (ResNeXt from ResNet).
    """
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


def _groups(origin: Node, convs: Sequence[Conv], name: str) -> dict[str, int]:
    """Weights of grouped convolutions that come from a plain one (FNA++, Eq. 4)."""
    known = {conv.name: conv.groups for conv in origin.convs}
    found: dict[str, int] = {}
    if _regrouped(origin, convs):
        return found
    for conv in convs:
        have = known.get(conv.name, conv.groups)
        if have == conv.groups or origin.op.hidden:  # depthwise: one group per channel
            continue
        if have > 1:
            raise RemapError(
                f"'{name}.{conv.name}' has {conv.groups} groups and cannot be made from "
                f"'{origin.name}.{conv.name}', which has {have}: only a plain convolution can be "
                'split into groups (Eq. 4). Take the weights from the seed, or keep the groups.'
            )
        found[f'{name}.{conv.name}.conv.weight'] = conv.groups
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


def _origin(node: Node, position: Mapping[str, tuple[int, int]]) -> str:
    if node.choice is None:
        return node.name
    if node.choice not in position:
        raise RemapError(
            f"The network must be of the supernet's space; its layer {node.name} was decided by "
            f"'{node.choice}', which is none of {', '.join(position)}. Take the space from the "
            'architecture: mmtransfer.spaces.space_of(architecture).'
        )
    return _candidate(*position[node.choice], node.op.text)


def _candidate(stage: int, position: int, op: str) -> str:
    """Name of a supernet's candidate; as in `mmtransfer.spaces.layout.supernet_layout`."""
    return f'stages.{stage}.{position}.{op}'


def _same_stages(source: Network, count: int) -> None:
    if len(source.stages) != count:
        raise RemapError(
            f'Both networks must have the same number of stages; the source {source.seed.name} has '
            f'{len(source.stages)}, the target {count}. Give a source of the same family.'
        )
