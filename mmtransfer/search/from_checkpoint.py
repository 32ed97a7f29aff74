"""What a search has found, from its supernet or its checkpoint."""

import os
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmtransfer.architecture import Architecture
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.checkpoints.tensors import tensors_of
from mmtransfer.cost.config import own_supernet
from mmtransfer.cost.noted import with_cost
from mmtransfer.cost.table import table_for
from mmtransfer.models import Supernet
from mmtransfer.registry import MODELS
from mmtransfer.remap.sources import check_space
from mmtransfer.search.derive import derive, plain_probabilities
from mmtransfer.search.scores import best_candidate
from mmtransfer.search.target import Target, searcher_in_units
from mmtransfer.seeds.layout import image_weight
from mmtransfer.seeds.namings import choose_prefix


class NothingLearnedError(ValueError):
    """A search, or its checkpoint, that has found no architecture yet."""


def derive_supernet(
    supernet: Supernet, train_cfg: Mapping[str, Any], noted: Mapping[str, Any] | None = None
) -> Architecture:
    """What a search with this supernet, as its logits are now, would derive.

    Args:
        supernet: A backbone with ``space``, ``output_stride`` and ``probabilities()``.
        train_cfg: Of the search config: input size, metric with its table, and target.
        noted: What the search's checkpoint holds under ``'mmtransfer'``. Where it notes what the
            searcher found, that is the result; where candidates were scored and it does not, the
            best of them; else what the logits say.

    Raises:
        LatencyTableError: The latency that the config counts was measured elsewhere.
        NothingLearnedError: The search has taken no architecture step yet, or knows no result.
        RemapError: The checkpoint is of another space.
        ScoresError: No candidate was scored yet.
        TargetError: The target lies outside what the space can reach.
    """
    noted = noted or {}
    check_space({'mmtransfer': noted}, supernet.space.fingerprint, 'the checkpoint')
    table = table_for(train_cfg, supernet.space, supernet.output_stride, supernet.in_channels)
    searcher = searcher_in_units(train_cfg.get('searcher') or {}, table)
    cost = searcher.get('target')
    target = None if cost is None else Target(cost, searcher.get('tolerance', 0.02))
    if target is not None:
        target.check(table)
    if noted.get('found'):
        found = supernet.space.architecture(noted['found'])
    elif 'found' in noted and 'scores' not in noted:
        raise NothingLearnedError(
            f'the search knows no architecture yet; this checkpoint was written after epoch '
            f'{noted["search"]["epoch"]} of {noted["search"]["max_epochs"]}. Finish the search '
            f'(tools/train.py CONFIG --resume), or give a later checkpoint.'
        )
    elif 'scores' in noted or not supernet.architecture_parameters():
        found = best_candidate(noted.get('scores'), supernet.space)
    else:
        check_learned(noted.get('search', {}))
        found = derive(supernet.space, plain_probabilities(supernet), table, target)
    return with_cost(found, table, **noted.get('search', {}))


def check_learned(progress: Mapping[str, Any]) -> None:
    """Raise NothingLearnedError where a search has taken no architecture step.

    Args:
        progress: How far it was, as its checkpoint says; empty where it does not.
    """
    if progress.get('arch_steps') == 0:
        raise NothingLearnedError(
            f'this checkpoint was written after epoch {progress["epoch"]} of '
            f'{progress["max_epochs"]}, before the first architecture step (train_cfg.arch_begin): '
            f'its logits are the random ones that they began with, so there is no architecture to '
            f'derive. Finish the search (tools/train.py CONFIG --resume), or give a later '
            f'checkpoint.'
        )


def evaluated_architecture(
    supernet: Supernet, train_cfg: Mapping[str, Any] | None, noted: Mapping[str, Any]
) -> Architecture | None:
    """What a test of a supernet runs, by what its checkpoint says: what a validation would have run
    when it was written.

    Args:
        supernet: With the tensors of the checkpoint.
        train_cfg: Of the config; asked only where the checkpoint is of a version that did not note
            what is evaluated, see ``derive_supernet``.
        noted: What the checkpoint holds under ``'mmtransfer'``.

    Returns:
        None where the checkpoint is of no search.

    Raises:
        RemapError: The checkpoint is of another space.
    """
    if 'iteration' not in noted:
        return None
    check_space({'mmtransfer': noted}, supernet.space.fingerprint, 'the checkpoint')
    if 'evaluated' in noted:
        return supernet.space.architecture(noted['evaluated'])
    return derive_supernet(supernet, train_cfg or {}, noted)


def derive_from_checkpoint(config: Config, checkpoint: str | os.PathLike) -> Architecture:
    """The architecture of a search, from its checkpoint alone.

    Args:
        config: The search config: it names the supernet's space, the target and the input size.
        checkpoint: A checkpoint of that search, or its work directory.

    Raises:
        ValueError: The checkpoint is of another space, or holds no result.
    """
    supernet: Supernet = MODELS.build(own_supernet(config.model, config.get('default_scope')))
    content = read_checkpoint(checkpoint)
    tensors = tensors_of(content, str(checkpoint))
    place = choose_prefix(tensors, image_weight(supernet.seed), 'backbone.')
    prefix = f'{place}logits.'
    found = {k: t for k, t in tensors.items() if k.startswith(prefix)}
    choices = supernet.space.choices if supernet.architecture_parameters() else ()
    expected = {f'{prefix}{i}': len(c.options) for i, c in enumerate(choices)}
    if {k: t.numel() for k, t in found.items()} != expected:
        raise ValueError(
            f'{checkpoint} must hold {len(expected)} vectors of logits, {prefix}0 and on, of the '
            f'sizes {list(expected.values())}; received {[t.numel() for t in found.values()]}. Is '
            f'it a checkpoint of this search config?'
        )
    for own, name in zip(supernet.architecture_parameters(), expected, strict=True):
        own.data.copy_(found[name])
    return derive_supernet(supernet, config.train_cfg, content.get('mmtransfer'))
