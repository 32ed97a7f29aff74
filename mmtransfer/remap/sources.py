"""What a checkpoint gives to a backbone of ours: the plan, from names and shapes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from mmtransfer.architecture import Architecture
from mmtransfer.remap.networks import (
    LOGITS,
    same_network,
    seed_to_network,
    seed_to_supernet,
    supernet_to_network,
    supernet_to_supernet,
)
from mmtransfer.remap.plan import Layout, RemapError, RemapPlan
from mmtransfer.remap.strategy import check_strategy, with_strategy
from mmtransfer.remap.whole import BackbonePlan, root_of
from mmtransfer.seeds import Network, Node
from mmtransfer.seeds.layout import image_channels, image_weight
from mmtransfer.seeds.namings import choose_prefix, prefix_of, recognise
from mmtransfer.space import SearchSpace
from mmtransfer.spaces import network, read_architecture, record_of, space_of
from mmtransfer.spaces.layout import supernet_layout

COUNTER = 'num_batches_tracked'


@dataclass(frozen=True)
class Source:
    """A checkpoint as a plan sees it.

    Attributes:
        layout: Name -> shape of its tensors.
        origin: What to call it in messages, usually its path.
        record: What it says of its search or its architecture, if it was written here.
    """

    layout: Layout
    origin: str
    record: Mapping[str, Any] = field(default_factory=dict)


def plan_source(content: Mapping[str, Any], tensors: Mapping[str, Tensor], origin: str) -> Source:
    """A checkpoint as a plan sees it.

    Args:
        content: As it was read.
        tensors: By name, out of it.
        origin: Its path.
    """
    record = content.get('mmtransfer')
    return Source(layout_of(tensors), origin, record if isinstance(record, Mapping) else {})


def layout_of(tensors: Mapping[str, Tensor]) -> Layout:
    """Name -> shape."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def own_backbones(model: nn.Module) -> dict[str, Any]:
    """The backbones of ours in a model, by what precedes the names of their tensors.

    That is ``'backbone.'`` in most models, ``'student.backbone.'`` and ``'teacher.backbone.'`` in a
    semi-supervised one.
    """
    return {
        name and f'{name}.': module
        for name, module in model.named_modules()
        if isinstance(getattr(module, 'architecture', None), Architecture)
        or isinstance(getattr(module, 'space', None), SearchSpace)
    }


def architecture_or_space(backbone: Any) -> tuple[Any, Any]:
    """The architecture of a plain backbone of ours, or the space of a supernet; the other is None.

    Raises:
        RemapError: It is another's.
    """
    target, space = (getattr(backbone, name, None) for name in ('architecture', 'space'))
    if target is None and space is None:
        raise RemapError(
            'The backbone must be a mmtransfer.AdaptedBackbone or a supernet of ours, which know '
            f'their architecture or space; received {type(backbone).__name__}. Set it in the '
            'config of the model.'
        )
    return target, space


def backbone_plan(backbone: Any, prefix: str, source: Source) -> BackbonePlan:
    """The plan for a backbone of ours from whatever a checkpoint holds of it: the same network, the
    supernet of its space, the seed in any naming, or another network that the checkpoint names.

    Args:
        backbone: An ``AdaptedBackbone`` or a supernet.
        prefix: What precedes the names of its tensors in the model.
        source: The checkpoint.

    Raises:
        SeedCheckpointError: It holds none of these.
        RemapError: A layer cannot be remapped.
    """
    way = plan_from_supernet if _holds_supernet(backbone, prefix, source) else plan_from_seed
    return way(backbone, prefix, source)


def _holds_supernet(backbone: Any, prefix: str, source: Source) -> bool:
    """Whether a checkpoint is of the backbone's own supernet, or of the very same network."""
    target, space = architecture_or_space(backbone)
    recorded = source.record.get('architecture')
    if recorded is not None:
        same = target is not None and _built(network(read_architecture(recorded)))
        return bool(same) and same == _built(network(target))
    if source.record.get('fingerprint') is not None:
        return True
    place = _place(backbone, prefix, source.layout)
    needed = supernet_layout(space_of(target) if space is None else space)
    return all(
        place + name in source.layout
        for name in needed
        if not name.startswith(LOGITS) and not name.endswith(COUNTER)
    )


def plan_from_supernet(backbone: Any, prefix: str, source: Source) -> BackbonePlan:
    """The plan for a backbone from the supernet of its space, or from the same network.

    Args:
        backbone: An ``AdaptedBackbone`` or a supernet.
        prefix: What precedes the names of its tensors in the model.
        source: The checkpoint.

    Raises:
        RemapError: The checkpoint is of another space, supernet or network.
    """
    architecture, space = architecture_or_space(backbone)
    check_space({'mmtransfer': source.record}, _space(backbone).fingerprint, source.origin)
    place = _place(backbone, prefix, source.layout)
    inner = {n.removeprefix(place): s for n, s in source.layout.items() if n.startswith(place)}
    channels = image_channels(inner, backbone.seed)
    if space is None:
        own = network(architecture)
        if _is_of_network(source, own):
            plan = same_network(own.reading(channels), own.reading(backbone.in_channels))
        else:
            space = space_of(architecture)
            target = own.reading(backbone.in_channels)
            plan = supernet_to_network(space, target, supernet_layout(space, channels))
    else:
        images = image_weight(backbone.seed)
        plan = supernet_to_supernet(layout_of(backbone.state_dict()), images, channels)
        used = {name for move in plan.moves for name in move.read}
        left = [place + n for n in inner if n not in used and not n.startswith(LOGITS)]
        if left:
            raise RemapError(
                f"A supernet takes the weights of the same supernet; '{source.origin}' has "
                f'{len(left)} tensors more, such as {left[0]}. Give both the same seed and space '
                f'(max_blocks, layers, kernels, expansions).'
            )
    moves = (m.renamed(prefix + m.target, place.__add__) for m in plan.moves)
    return BackbonePlan(RemapPlan(tuple(moves)), prefix, root_of(place))


def _space(backbone: Any) -> SearchSpace:
    architecture, space = architecture_or_space(backbone)
    return space_of(architecture) if space is None else space


def plan_from_seed(
    backbone: Any, prefix: str, source: Source, architecture: Any = None, **strategy: str
) -> BackbonePlan:
    """The plan for a backbone from a plain network, as a rule the seed of its space.

    Args:
        backbone: An ``AdaptedBackbone`` or a supernet.
        prefix: What precedes the names of its tensors in the model.
        source: The checkpoint, in any known naming.
        architecture: The network that it holds: whatever ``mmtransfer.spaces.read_architecture``
            takes. None: the one that it names, else the seed.
        **strategy: ``width``, ``kernel`` and ``new`` of ``mmtransfer.remap.with_strategy``.

    Raises:
        SeedCheckpointError: It is of another network.
        RemapError: A layer cannot be remapped in this way.
    """
    target, space = architecture_or_space(backbone)
    held = held_network(backbone, architecture, source.record)
    check_treated(held, strategy)
    name, names = recognise(
        source.layout, held, f"'{source.origin}'", prefer=prefix, any_images=True
    )
    layout = {ours: source.layout[theirs] for ours, theirs in names.items()}
    if target is not None:
        wanted = network(target).reading(backbone.in_channels)
        plan = seed_to_network(held, space_of(target), wanted, layout)
    else:
        own = layout_of(backbone.state_dict())
        logits = {n: shape for n, shape in own.items() if n.startswith(LOGITS)}
        plan = seed_to_supernet(held, space, layout, backbone.in_channels).keeping(logits)
    plan = with_strategy(plan, axes=held.axes, **strategy).with_sources(names, source.layout)
    place = prefix_of(names, name, held)
    moves = tuple(replace(move, target=prefix + move.target) for move in plan.moves)
    origin = root_of(place) if place else None
    return BackbonePlan(RemapPlan(moves, plan.unused), prefix, origin)


def held_network(
    backbone: Any, architecture: Any = None, record: Mapping[str, Any] | None = None
) -> Network:
    """The plain network that a checkpoint holds: what is said, what it says itself, or the seed."""
    space = _space(backbone)
    recorded = (record or {}).get('architecture')
    if architecture is None and recorded is not None:
        found = read_architecture(recorded)
        architecture = found if found.seed == space.seed else None
    if architecture is None:
        return record_of(space).seed(space)
    return network(read_architecture(architecture))


def check_space(content: Mapping[str, Any], fingerprint: str, origin: str) -> None:
    """Raise RemapError when a checkpoint says that it is of another search space.

    Args:
        content: Of the checkpoint.
        fingerprint: Of the space that it should be of.
        origin: Where it comes from, for the message.
    """
    record = content.get('mmtransfer')
    found = record.get('fingerprint') if isinstance(record, Mapping) else None
    if found not in (None, fingerprint):
        raise RemapError(
            f'The config and the checkpoint must be of one search space; the fingerprint of the '
            f"config's is {fingerprint}, that of '{origin}' is {found}. Use the config of the "
            f'search that wrote it, or derive an architecture from it: python tools/derive.py '
            f'SEARCH_CONFIG CHECKPOINT -o FILE'
        )


def check_treated(held: Network, strategy: Mapping[str, str]) -> None:
    """Raise unless a strategy is one, and has something to treat in a network."""
    check_strategy(**strategy)
    asked = {k: v for k, v in strategy.items() if k != 'kernel' and v not in ('first', 'zero')}
    if asked and not held.axes:
        raise RemapError(
            f'width and new treat the hidden channels of MBConv blocks; {held.seed.name} has none, '
            f'and its layers keep their widths. Received {asked}: leave it out.'
        )


def _place(backbone: Any, prefix: str, layout: Layout) -> str:
    """What precedes the names of a backbone of ours in a checkpoint, for one at ``prefix``."""
    return choose_prefix(layout, image_weight(backbone.seed), prefix)


def _is_of_network(source: Source, wanted: Network) -> bool:
    """Whether a checkpoint says that it is of this plain network, and not of a supernet.

    Raises:
        RemapError: It is of another plain network; a deeper one would fit by its names.
    """
    recorded = source.record.get('architecture')
    if recorded is None:
        return False
    found = network(read_architecture(recorded))
    if _built(found) != _built(wanted):
        theirs, ours = ([len(stage) for stage in n.stages] for n in (found, wanted))
        raise RemapError(
            f"The weights of a plain network go into the same network only; '{source.origin}' is "
            f'of one with {theirs} layers per stage, the backbone has {ours} or other operations. '
            'Train every allocation in a work_dir of its own, and give the checkpoint of this one '
            'or of the supernet.'
        )
    return True


def _built(plain: Network) -> list[Node]:
    """The nodes, without what a search knows of them: equal networks may come from different
    spaces."""
    return [replace(node, position=node.index, choice=None) for node in plain.nodes]
