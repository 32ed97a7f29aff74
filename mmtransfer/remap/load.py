"""Load checkpoints into modules by a plan."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from mmtransfer.architecture import unfinished
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.checkpoints.tensors import check_values, load_tensors, tensors_of
from mmtransfer.remap.apply import remap
from mmtransfer.remap.disagreement import check_computes, check_images
from mmtransfer.remap.networks import LOGITS
from mmtransfer.remap.plan import RemapError, RemapPlan
from mmtransfer.remap.sources import (
    COUNTER,
    Source,
    architecture_or_space,
    backbone_plan,
    check_treated,
    held_network,
    layout_of,
    own_backbones,
    plan_from_seed,
    plan_from_supernet,
    plan_source,
)
from mmtransfer.remap.strategy import check_strategy
from mmtransfer.remap.whole import plan_whole_model
from mmtransfer.seeds import Network
from mmtransfer.seeds.layout import image_weight
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
        backbone: An ``AdaptedBackbone`` (known by its ``architecture``) or a supernet (by its
            ``space``).
        checkpoint: Whatever ``mmtransfer.checkpoints.address.resolve`` takes, in any known naming.
        architecture: The network that the checkpoint holds, if it is not the seed itself and does
            not say so: whatever ``mmtransfer.spaces.read_architecture`` takes.
        key: Where in the file the weights are, such as ``'teacher'``; as of
            ``mmtransfer.checkpoints.tensors.load_tensors``.
        prefix: What their names begin with, as of the same.
        **strategy: ``width``, ``kernel`` and ``new`` of ``mmtransfer.remap.with_strategy``.

    Returns:
        The plan that was applied; its sources have the checkpoint's own names.

    Raises:
        CheckpointError: The file cannot be read, holds values that cannot be used, or is of another
            network; nothing was changed.
        RemapError: A layer cannot be remapped in this way; nothing was changed.
    """
    check_treated(held_network(backbone, architecture), strategy)
    content = read_checkpoint(checkpoint)
    tensors = tensors_of(content, os.fspath(checkpoint), key, prefix)
    source = plan_source(content, tensors, os.fspath(checkpoint))
    plan = plan_from_seed(backbone, '', source, architecture, **strategy).plan
    said = architecture is not None
    _check_seed(backbone, plan, content, tensors, source.origin, said)
    _load(backbone, plan, tensors, checkpoint)
    return plan


def load_last_conv(
    module: nn.Module,
    seed: Network,
    checkpoint: str | os.PathLike,
    key: str | None = None,
    prefix: str = '',
) -> None:
    """Load the 1x1 convolution before a seed's classifier, in place.

    Args:
        module: With ``conv`` and ``bn`` of the seed's shapes.
        seed: The network that the checkpoint is of.
        checkpoint: Whatever ``mmtransfer.checkpoints.address.resolve`` takes, in any known naming.
        key: As of ``load_seed``.
        prefix: As of ``load_seed``.

    Raises:
        CheckpointError: The file cannot be read, is of another network or lacks that part.
        RemapError: The module has other shapes. In every case nothing was changed.
    """
    tensors = load_tensors(checkpoint, key, prefix)
    _, names = recognise(layout_of(tensors), seed, f"'{os.fspath(checkpoint)}'")
    target = module.state_dict()
    found = {n: names[f'head.{n}'] for n in target if f'head.{n}' in names}
    missing = [n for n in target if n not in found and not n.endswith('num_batches_tracked')]
    if missing:
        raise SeedCheckpointError(
            f"'{os.fspath(checkpoint)}' must hold the convolution before the classifier of "
            f'{seed.seed.name}; it lacks {", ".join(missing)}. Give the checkpoint of the '
            'whole published network.'
        )
    for name, theirs in found.items():
        if target[name].shape != tensors[theirs].shape:
            raise RemapError(
                f"'{name}' must have the seed's shape {tuple(tensors[theirs].shape)}; received "
                f'{tuple(target[name].shape)}. Use the widths of {seed.seed.name}, or leave it to '
                'its own initialisation.'
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
        model: A model of any toolbox with an ``AdaptedBackbone`` or a supernet in it, or several
            (the student and the teacher of a semi-supervised detector).
        checkpoint: Whatever ``mmtransfer.checkpoints.address.resolve`` takes; a search's work
            directory means its last checkpoint.
        source: ``'supernet'``: a checkpoint of the supernet, or of the same network in another
            model; neck and head are taken too, by name (FNA++, Sec. 3.2.3 and 4.6). ``'seed'``: a
            checkpoint of the seed; neck and head too where it is of a whole model that has them.
        initialise: Beginnings of names outside the backbone that keep their own values,
            ``('bbox_head.',)`` for a head with other classes.
        key: As of ``load_seed``.
        prefix: As of ``load_seed``.
        **strategy: With the seed, as of ``load_seed``.

    Returns:
        The plan that was applied: one fate for every tensor of the model.

    Raises:
        CheckpointError: The file cannot be read, holds values that cannot be used, or is of another
            network than the seed.
        RemapError: It is of another search space, or of a model with another neck or head. In every
            case nothing was changed.
    """
    check_source(source, **strategy)
    found = own_backbones(model)
    if not found:
        architecture_or_space(getattr(model, 'backbone', model))
    if all(place.startswith('module.') for place in found):  # a wrapper for several processes
        model, found = _unwrapped(model)
    content = read_checkpoint(checkpoint)
    tensors = tensors_of(content, os.fspath(checkpoint), key, prefix)
    held = plan_source(content, tensors, os.fspath(checkpoint))
    if source == 'supernet':
        _warn_unfinished(content)
    way = plan_from_seed if source == 'seed' else plan_from_supernet
    plans = [way(backbone, place, held, **strategy) for place, backbone in found.items()]
    if source == 'seed':
        for backbone, its in zip(found.values(), plans, strict=True):
            _check_seed(backbone, its.plan, content, tensors, held.origin)
        check_images(getattr(model, 'data_preprocessor', None), content, held.origin)
    initialise = (initialise,) if isinstance(initialise, str) else tuple(initialise)
    target = layout_of(model.state_dict())
    plan = plan_whole_model(plans, held.layout, target, initialise, partly=source == 'seed')
    _load(model, plan, tensors, checkpoint)
    return plan


def loaded_state(
    model: nn.Module, content: Mapping[str, Any], origin: str
) -> tuple[RemapPlan, dict[str, Tensor]] | None:
    """What ``load_from`` gives to a model with a backbone of ours.

    Args:
        model: Not wrapped.
        content: Of the checkpoint.
        origin: Its path.

    Returns:
        The plan and the state dict that follows from it: the backbone remapped, neck and head by
        name. None where nothing need be done: no backbone is ours, or the checkpoint has all of the
        model's tensors.

    Raises:
        SeedCheckpointError: The checkpoint holds no network that the backbone can be made from.
        RemapError: Something would be left out; the message counts what fits.
    """
    found = own_backbones(model)
    if not found:
        return None
    tensors = tensors_of(content, origin)
    source, target = plan_source(content, tensors, origin), layout_of(model.state_dict())
    if all(source.layout.get(name) == shape for name, shape in target.items()):
        return None
    _warn_unfinished(content)
    plans = [backbone_plan(backbone, prefix, source) for prefix, backbone in found.items()]
    for backbone, its in zip(found.values(), plans, strict=True):
        _check_seed(backbone, its.plan, content, tensors, origin)
    check_images(getattr(model, 'data_preprocessor', None), content, origin)
    plan = plan_whole_model(plans, source.layout, target)
    return plan, _remapped(model, plan, tensors, origin)


def convert_state(backbone: Any, state: dict[str, Any], prefix: str) -> RemapPlan | None:
    """Put a backbone's own tensors into a state dict that has those of its seed or its supernet.

    Nothing changes where all that the state dict has is the backbone's, or all that the backbone
    needs is there and it goes no deeper.

    Args:
        backbone: An ``AdaptedBackbone`` or a supernet.
        state: Is changed: the tensors of the backbone give way to those made from them.
        prefix: What precedes the names of the backbone's tensors.

    Returns:
        The plan, if there was one.

    Raises:
        SeedCheckpointError, RemapError: Tensors would be left out.
    """
    tensors = {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix) and isinstance(tensor, Tensor)
    }
    have, own = layout_of(tensors), layout_of(backbone.state_dict())
    fitting = {name for name, shape in have.items() if own.get(name) == shape}
    parts = {name.partition('.')[0] for name in own}
    strange = [n for n in have if n not in fitting and n.partition('.')[0] in parts]
    missing = [n for n in own if n not in fitting and not n.endswith(COUNTER)]
    if len(fitting) == len(have) or not strange and not missing:
        return None
    record = {}
    if strange == missing == [image_weight(backbone.seed)] and hasattr(backbone, 'architecture'):
        record = {'architecture': backbone.architecture}  # the same network, for other images
    source = Source(have, f'the state dict ({prefix or "top"})', record)
    plan = backbone_plan(backbone, '', source).plan
    made = remap(plan, tensors, backbone.state_dict())
    used = {name.partition('.')[0] for move in plan.moves for name in move.read}
    for name in tensors:
        if name.partition('.')[0] in used or name.startswith(LOGITS):
            del state[prefix + name]
    state.update({prefix + name: tensor for name, tensor in made.items()})
    return plan


def check_source(source: str, **strategy: str) -> None:
    """Raise ValueError unless ``load_model`` knows these and they go together."""
    if source not in SOURCES:
        raise ValueError(f'source must be one of {SOURCES}; received {source!r}.')
    check_strategy(**strategy)
    if source == 'supernet' and strategy:
        raise ValueError(
            "width, kernel and new choose how the seed's tensors change shape; from a supernet "
            f"every tensor is copied as it is. Received {strategy}: set them with source='seed', "
            "or in the search's init_cfg."
        )


def _check_seed(
    backbone: Any,
    plan: RemapPlan,
    content: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    origin: str,
    said: bool = False,
) -> None:
    """Raise SeedCheckpointError where what a plan takes computes what the backbone does not."""
    taken = {name: tensors[name] for move in plan.moves for name in move.read}
    check_computes(backbone, content, taken, origin, said)


def _unwrapped(model: nn.Module) -> tuple[nn.Module, dict[str, Any]]:
    """The model inside a wrapper, and its backbones."""
    inner = model.get_submodule('module')
    return inner, own_backbones(inner)


def _load(
    module: nn.Module, plan: RemapPlan, tensors: Mapping[str, Tensor], origin: str | os.PathLike
) -> None:
    """Apply a plan to a module, whole or not at all."""
    module.load_state_dict(_remapped(module, plan, tensors, origin), strict=True)


def _warn_unfinished(content: Mapping[str, Any]) -> None:
    """Warn of weights from the middle of a search."""
    record = content.get('mmtransfer')
    progress = record.get('search') if isinstance(record, Mapping) else None
    warning = unfinished('the weights are', progress or {})
    if warning:
        print_log(warning, 'current', logging.WARNING)


def _remapped(
    module: nn.Module, plan: RemapPlan, tensors: Mapping[str, Tensor], origin: str | os.PathLike
) -> dict[str, Tensor]:
    """A module's state dict after a plan, if all values can be used."""
    own = module.state_dict()
    sources = {move.target: move.source for move in plan.moves if move.source is not None}
    found = {name: tensors[source] for name, source in sources.items()}
    check_values(found, own, sources, origin)
    return remap(plan, tensors, own)
