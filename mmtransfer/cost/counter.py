"""Count the parameters and multiply-adds of any model by watching it run.

Independent of the formulas: hooks on the built modules see the outputs they really give. The model
runs on the meta device, where tensors have shapes but no values, so nothing is computed; what has
no form for shapes alone runs on zeros after that.
"""

import copy
from typing import Any

import torch
from torch import nn

from mmtransfer.cost.conventions import Convention, find_convention
from mmtransfer.cost.formulas import Size
from mmtransfer.cost.passes import deployed, image_channels, run, stand_ins
from mmtransfer.cost.watch import PARTS, Watch, part_of, watched

Counts = dict[str, dict[str, Any]]


def count_params(model: nn.Module) -> dict[str, int]:
    """Parameters per part and in total, shared ones once."""
    params = dict.fromkeys(PARTS, 0)
    for name, parameter in model.named_parameters():
        part = part_of(name)
        if part:
            params[part] += parameter.numel()
    return params | {'total': sum(params.values())}


def count_model(model: nn.Module, input_size: Size, convention: str = 'mmtransfer') -> Counts:
    """Parameters and multiply-adds of a detector, segmentor or pose estimator for one image.

    The RoI heads of a two-stage detector see as many proposals as ``test_cfg.rpn.max_per_img``
    allows, its mask head as many boxes as ``test_cfg.rcnn.max_per_img``. Of a student and its
    teacher one is counted.

    Args:
        model: As built by its toolbox. It is put into evaluation mode and keeps its weights.
        input_size: (H, W) of the image.
        convention: Name of one of ``CONVENTIONS``.

    Returns:
        ``{'params': {'backbone', 'neck', 'head', 'total'}, 'madds': {the same}}``, exact. A part
        that is absent and an auxiliary head count 0. The multiply-adds of a part that cannot be
        counted are None, as is their total; ``'reasons'`` then has part -> why. ``'notes'`` has
        part -> what the rules leave out of it, where it has that. Other metrics that count modules
        follow by their key.

    Raises:
        ValueError: An unknown convention.
    """
    how = find_convention(convention)
    model = deployed(model)
    model.eval()
    seen, reasons = _count(model, input_size, how)
    notes = {part: watch.notes[part] for part, watch in seen.items() if part in watch.notes}
    more = {key: found for key, found in (('reasons', reasons), ('notes', notes)) if found}
    counts: dict[str, dict[str, Any]] = {
        'madds': {part: watch.madds[part] for part, watch in seen.items()}
    }
    for key in seen[PARTS[0]].others:
        counts[key] = {part: watch.others[key][part] for part, watch in seen.items()}
    known = {key: _known(of, reasons) for key, of in counts.items()}
    return {'params': count_params(model), **known, **more}


def _known(counts: dict[str, Any], reasons: dict[str, str]) -> dict[str, Any]:
    """Without those of parts that cannot be counted, and with their total."""
    parts = {part: None if part in reasons else count for part, count in counts.items()}
    return parts | {'total': None if reasons else sum(counts.values())}


def count_backbone(backbone: nn.Module, input_size: Size, convention: str = 'mmtransfer') -> Counts:
    """The same for a backbone alone, or for any module that maps an image to anything."""
    return count_model(nn.ModuleDict({'backbone': backbone}), input_size, convention)


def _count(
    model: nn.Module, size: Size, how: Convention
) -> tuple[dict[str, Watch], dict[str, str]]:
    """Part -> the pass that shows what it costs, and part -> why there is none."""
    shapes, failure = _watch(copy.deepcopy(model).to('meta'), size, how)
    if failure is None:
        return dict.fromkeys(PARTS, shapes), shapes.unknown
    with stand_ins(model, shapes.outputs, torch.zeros):
        values, failure = _watch(model, size, how)
    seen = {part: shapes if part in shapes.finished else values for part in PARTS}
    unknown = {part: watch.unknown[part] for part, watch in seen.items() if part in watch.unknown}
    if failure is not None:
        return seen, unknown | _unfinished(model, values, failure)
    if values.selected:
        with stand_ins(model, shapes.outputs, torch.rand):
            others, _ = _watch(model, size, how)
        unknown |= {
            part: 'how much there is to compute depends on what the image shows'
            for part in PARTS
            if others.madds[part] != values.madds[part]
        }
    return seen, unknown


def _unfinished(model: nn.Module, watch: Watch, failure: Exception) -> dict[str, str]:
    """Part -> why it has not run to its end, for the one that failed and those after it."""
    name = watch.inside[-1][0] if watch.inside else type(model).__name__
    text = f'{type(failure).__name__}: {failure}'.splitlines()[0][:300]
    later = PARTS[PARTS.index(watch.part) + 1 :]
    return {watch.part: f'{name} cannot run on an image alone: {text}'} | {
        part: f'the {watch.part} before it failed'
        for part in later
        if part == 'head' or hasattr(model, part)
    }


def _watch(model: nn.Module, size: Size, how: Convention) -> tuple[Watch, Exception | None]:
    """One pass of a model, and what it failed with."""
    device = next((p.device for p in model.parameters()), torch.device('meta'))
    with watched(model, how) as watch:
        try:
            run(model, torch.zeros(1, image_channels(model), *size, device=device))
        except Exception as error:  # whatever a model of others raises says why it cannot run
            return watch, error
    return watch, None
