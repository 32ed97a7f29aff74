"""Load checkpoints into modules by a plan."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.checkpoints.tensors import check_values, load_tensors, tensors_of
from mmtransfer.remap.apply import remap
from mmtransfer.remap.checkpoint import check_space
from mmtransfer.remap.networks import (
    LOGITS,
    network_to_network,
    seed_only,
    seed_to_supernet,
    supernet_to_network,
    supernet_to_supernet,
    whole_model,
)
from mmtransfer.remap.plan import Layout, RemapError, RemapPlan
from mmtransfer.remap.strategy import check_strategy, with_strategy
from mmtransfer.seeds import Layer, Network, network, read_architecture, seed_network, space_of
from mmtransfer.seeds.namings import SeedCheckpointError, recognise

SOURCES = ('supernet', 'seed')


def load_seed(
    backbone: nn.Module,
    checkpoint: str | os.PathLike,
    architecture: Any = None,
    *,
    key: str | None = None,
    prefix: str = '',
    **strategy: str,
) -> RemapPlan:
    """Remap a checkpoint of the seed network into a backbone of ours, in place.

    Args:
        backbone: An `AdaptedBackbone` (known by its ``architecture``) or a supernet (by its
            ``space``).
        checkpoint: Whatever `mmtransfer.checkpoints.address.resolve` takes, in any known naming.
        architecture: The network that the checkpoint holds, if it is not the seed itself: whatever
            `mmtransfer.seeds.read_architecture` takes.
        key: Where in the file the weights are, such as ``'teacher'``; as of
            `mmtransfer.checkpoints.tensors.load_tensors`.
        prefix: What their names begin with, as of the same.
        **strategy: ``width``, ``kernel`` and ``new`` of `mmtransfer.remap.with_strategy`.

    Returns:
        The plan that was applied; its sources have the checkpoint's own names.

    Raises:
        CheckpointError: The file cannot be read, holds values that cannot be used, or is of another
            network; nothing was changed.
        RemapError: A layer cannot be remapped in this way; nothing was changed.
    """
    plan, tensors = _plan_seed(backbone, checkpoint, architecture, key, prefix, **strategy)
    _load(backbone, plan, tensors, checkpoint)
    return plan


def load_last_conv(
    module: nn.Module,
    seed: str,
    checkpoint: str | os.PathLike,
    key: str | None = None,
    prefix: str = '',
) -> None:
    """Load the 1x1 convolution before a seed's classifier, in place.

    Args:
        module: With ``conv`` and ``bn`` of the seed's shapes.
        seed: Name of the seed.
        checkpoint: Whatever `mmtransfer.checkpoints.address.resolve` takes, in any known naming.
        key: As of `load_seed`.
        prefix: As of `load_seed`.

    Raises:
        CheckpointError: The file cannot be read, is of another network or lacks that part.
        RemapError: The module has other shapes. In every case nothing was changed.
    """
    tensors = load_tensors(checkpoint, key, prefix)
    _, names = recognise(_layout(tensors), seed_network(seed), f"'{os.fspath(checkpoint)}'")
    target = module.state_dict()
    found = {n: names[f'head.{n}'] for n in target if f'head.{n}' in names}
    missing = [n for n in target if n not in found and not n.endswith('num_batches_tracked')]
    if missing:
        raise SeedCheckpointError(
            f"'{os.fspath(checkpoint)}' must hold the convolution before the classifier of {seed}; "
            f'it lacks {", ".join(missing)}. Give the checkpoint of the whole published network.'
        )
    for name, theirs in found.items():
        if target[name].shape != tensors[theirs].shape:
            raise RemapError(
                f"'{name}' must have the seed's shape {tuple(tensors[theirs].shape)}; received "
                f'{tuple(target[name].shape)}. Use the widths of {seed}, or leave it to its own '
                'initialisation.'
            )
    taken = {name: tensors[theirs] for name, theirs in found.items()}
    check_values(taken, target, found, checkpoint)
    module.load_state_dict(target | taken)


def load_model(
    model: nn.Module,
    checkpoint: str | os.PathLike,
    source: str = 'supernet',
    initialise: Sequence[str] = (),
    *,
    key: str | None = None,
    prefix: str = '',
    **strategy: str,
) -> RemapPlan:
    """Remap a checkpoint into a whole model with a backbone of ours, in place.

    Args:
        model: A model of any toolbox; its ``backbone`` is an `AdaptedBackbone` or a supernet.
        checkpoint: Whatever `mmtransfer.checkpoints.address.resolve` takes; a search's work
            directory means its last checkpoint.
        source: ``'supernet'``: a checkpoint of the supernet, or of the same network in another
            model; neck and head are taken too, by name (FNA++, Sec. 3.2.3 and 4.6). ``'seed'``: a
            checkpoint of the seed; the backbone only.
        initialise: With a supernet, beginnings of names outside the backbone that keep their own
            values, ``('bbox_head.',)`` for a head with other classes.
        key: As of `load_seed`.
        prefix: As of `load_seed`.
        **strategy: With the seed, as of `load_seed`.

    Returns:
        The plan that was applied: one fate for every tensor of the model.

    Raises:
        CheckpointError: The file cannot be read, holds values that cannot be used, or is of another
            network than the seed.
        RemapError: It is of another search space, or of a model with another neck or head. In every
            case nothing was changed.
    """
    check_source(source, **strategy)
    if not hasattr(model, 'backbone') and isinstance(getattr(model, 'module', None), nn.Module):
        model = model.get_submodule('module')
    backbone: Any = getattr(model, 'backbone', None)
    architecture, space = _known(backbone)
    if source == 'seed':
        plan, tensors = _plan_seed(backbone, checkpoint, None, key, prefix, **strategy)
        plan = seed_only(plan, _layout(model.state_dict()))
    else:
        content = read_checkpoint(checkpoint)
        plain = space is None
        space = space_of(architecture) if plain else space
        check_space(content, space.fingerprint, os.fspath(checkpoint))
        tensors = tensors_of(content, os.fspath(checkpoint), key, prefix)
        if plain:
            own = network(architecture)
            same = _is_of_network(content, own, os.fspath(checkpoint))
            collected = network_to_network(own, own) if same else supernet_to_network(space, own)
        else:
            collected = supernet_to_supernet(_layout(backbone.state_dict()))
        initialise = (initialise,) if isinstance(initialise, str) else tuple(initialise)
        plan = whole_model(
            collected, _layout(tensors), _layout(model.state_dict()), initialise=initialise
        )
        left = [n for n in plan.unused if n.startswith('backbone.') and LOGITS not in n]
        if not plain and left:
            raise RemapError(
                f"A supernet takes the weights of the same supernet; '{os.fspath(checkpoint)}' has "
                f'{len(left)} tensors more, such as {left[0]}. Give both the same seed and space '
                f'(max_blocks, layers, kernels, expansions).'
            )
    _load(model, plan, tensors, checkpoint)
    return plan


def check_source(source: str, **strategy: str) -> None:
    """Raise ValueError unless `load_model` knows these and they go together."""
    if source not in SOURCES:
        raise ValueError(f'source must be one of {SOURCES}; received {source!r}.')
    check_strategy(**strategy)
    if source == 'supernet' and strategy:
        raise ValueError(
            "width, kernel and new choose how the seed's tensors change shape; from a supernet "
            f"every tensor is copied as it is. Received {strategy}: set them with source='seed', "
            "or in the search's init_cfg."
        )


def _plan_seed(
    backbone: nn.Module,
    checkpoint: str | os.PathLike,
    architecture: Any,
    key: str | None,
    prefix: str,
    **strategy: str,
) -> tuple[RemapPlan, dict[str, Tensor]]:
    """The plan for a backbone of ours, in the checkpoint's names, and the checkpoint's tensors."""
    check_strategy(**strategy)
    target, space = _known(backbone)
    seed = (target or space).seed
    origin = (
        seed_network(seed) if architecture is None else network(read_architecture(architecture))
    )
    given = {k: v for k, v in strategy.items() if k != 'kernel' and v not in ('first', 'zero')}
    if given and not any(layer.family == 'mbconv' for layer in origin.layers):
        raise RemapError(
            f'width and new treat the hidden channels of MBConv blocks; {seed} has none, and its '
            f'layers keep their widths. Received {given}: leave it out.'
        )
    tensors = load_tensors(checkpoint, key, prefix)
    _, names = recognise(_layout(tensors), origin, f"'{os.fspath(checkpoint)}'")
    layout = {ours: tuple(tensors[theirs].shape) for ours, theirs in names.items()}
    if target is not None:
        plan = network_to_network(origin, network(target), layout)
    else:
        own = {n: s for n, s in _layout(backbone.state_dict()).items() if n.startswith(LOGITS)}
        plan = seed_to_supernet(origin, space, layout).keeping(own)
    return with_strategy(plan, **strategy).with_sources(names, tensors), tensors


def _known(backbone: Any) -> tuple[Any, Any]:
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


def _is_of_network(content: Mapping[str, Any], wanted: Network, origin: str) -> bool:
    """Whether a checkpoint says that it is of this plain network, and not of a supernet.

    Raises:
        RemapError: It is of another plain network; a deeper one would fit by its names.
    """
    record = content.get('mmtransfer')
    known = record.get('architecture') if isinstance(record, Mapping) else None
    if known is None:
        return False
    found = network(read_architecture(known))
    if _built(found) != _built(wanted):
        theirs, ours = ([len(stage) for stage in n.stages] for n in (found, wanted))
        raise RemapError(
            f"The weights of a plain network go into the same network only; '{origin}' is of one "
            f'with {theirs} layers per stage, the backbone has {ours} or other operations. Train '
            'every allocation in a work_dir of its own, and give the checkpoint of this one or of '
            'the supernet.'
        )
    return True


def _built(plain: Network) -> list[list[Layer]]:
    """The layers of each stage, without what a search knows of them: equal networks may come from
    different spaces."""
    return [[replace(la, position=la.index, choice=None) for la in s] for s in plain.stages]


def _load(
    module: nn.Module, plan: RemapPlan, tensors: Mapping[str, Tensor], origin: str | os.PathLike
) -> None:
    """Apply a plan to a module, whole or not at all."""
    own = module.state_dict()
    sources = {move.target: move.source for move in plan.moves if move.source is not None}
    found = {name: tensors[source] for name, source in sources.items()}
    check_values(found, own, sources, origin)
    module.load_state_dict(remap(plan, tensors, own), strict=True)


def _layout(tensors: Mapping[str, Tensor]) -> Layout:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
