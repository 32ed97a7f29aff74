"""Count the parameters and multiply-adds of any model by watching it run, on shapes alone.

Independent of the formulas: hooks on the built modules see the outputs they really give. The model
runs on the meta device, where tensors have shapes but no values, so nothing is computed.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from ..seeds import Seed
from .conventions import Convention, find_convention
from .formulas import Size

PARTS = ('backbone', 'neck', 'head')
Counts = dict[str, dict[str, int]]


def part_of(name: str) -> str | None:
    """Part of a model that a module or parameter of this name belongs to; None: not counted.

    Auxiliary heads serve the training loss alone. What is neither backbone nor neck is the head.
    """
    first = name.split('.')[0]
    if first in ('auxiliary_head', 'data_preprocessor'):
        return None
    return first if first in ('backbone', 'neck') else 'head'


def module_madds(module: nn.Module, inputs: Tensor, output: Tensor, how: Convention) -> int:
    """Multiply-adds of one call of a module, without those of its children.

    Args:
        module: Any module; those that are no convolution, linear layer or batch norm cost 0.
        inputs: Its input, (N, C, ...) or (..., C) for a linear layer.
        output: Its output.
        how: What is counted.
    """
    if isinstance(module, _BatchNorm):
        return how.norm * output.numel()
    if isinstance(module, nn.Linear):
        if not how.linear:
            return 0
        madds = output.numel() * module.in_features
    elif isinstance(module, _ConvTransposeNd) and not how.deconv_per_output:
        madds = inputs.numel() // module.in_channels * module.weight.numel()
    elif isinstance(module, _ConvNd):
        madds = output.numel() // module.out_channels * module.weight.numel()
    else:
        return 0
    return madds + (output.numel() if how.bias and module.bias is not None else 0)


@contextmanager
def counted(model: nn.Module, how: Convention) -> Iterator[dict[str, int]]:
    """Inside, every forward pass of the model's modules adds to the multiply-adds per part."""
    madds = dict.fromkeys(PARTS, 0)
    unknown: set[str] = set()

    def hook_for(part: str):
        def hook(module: nn.Module, args: tuple, output) -> None:
            if isinstance(module, (_ConvNd, nn.Linear, _BatchNorm)):
                madds[part] += module_madds(module, args[0], output, how)
            elif any(p.dim() > 1 for p in module.parameters(recurse=False)):
                unknown.add(type(module).__name__)

        return hook

    parts = ((module, part_of(name)) for name, module in model.named_modules() if name)
    hooks = [module.register_forward_hook(hook_for(part)) for module, part in parts if part]
    try:
        yield madds
    finally:
        for hook in hooks:
            hook.remove()
    if unknown:
        warnings.warn(
            f'the multiply-adds that {", ".join(sorted(unknown))} do with their own weights are '
            f'not counted: only convolutions and linear layers are.',
            stacklevel=3,
        )


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
    allows, its mask head as many boxes as ``test_cfg.rcnn.max_per_img``.

    Args:
        model: As built by its toolbox. It is moved to the meta device and so loses its weights.
        input_size: (H, W) of the image.
        convention: Name of one of ``CONVENTIONS``.

    Returns:
        ``{'params': {'backbone', 'neck', 'head', 'total'}, 'madds': {the same}}``, exact. A part
        that is absent and an auxiliary head count 0.

    Raises:
        ValueError: An unknown convention.
    """
    how = find_convention(convention)
    model.to('meta').eval()
    image = torch.empty(1, image_channels(model), *input_size, device='meta')
    with torch.no_grad(), counted(model, how) as madds:
        _forward(model, image)
    return {'params': count_params(model), 'madds': madds | {'total': sum(madds.values())}}


def count_backbone(backbone: nn.Module, input_size: Size, convention: str = 'mmtransfer') -> Counts:
    """The same for a backbone alone, or for any module that maps an image to anything."""
    return count_model(nn.ModuleDict({'backbone': backbone}), input_size, convention)


def image_channels(model: nn.Module) -> int:
    """Channels of the images that a model reads: what a backbone of ours says, else 3."""
    seeds = (getattr(module, 'seed', None) for module in model.modules())
    return next((seed.in_channels for seed in seeds if isinstance(seed, Seed)), 3)


def _forward(model: Any, image: Tensor) -> None:
    """One pass through everything that a test runs, but for steps that depend on values."""
    if isinstance(model, nn.ModuleDict):
        model['backbone'](image)
    elif hasattr(model, 'roi_head'):
        features = model.extract_feat(image)
        if model.with_rpn:
            model.rpn_head(features)
        _forward_rois(model.roi_head, model.test_cfg)
    else:
        model(image, None, mode='tensor')


def _forward_rois(roi_head: Any, test_cfg: Any) -> None:
    """The heads on as many regions as a test may give them; which regions does not matter."""
    for kind, count in (('bbox', test_cfg.rpn.max_per_img), ('mask', test_cfg.rcnn.max_per_img)):
        heads = getattr(roi_head, f'{kind}_head', None)
        if heads is None:
            continue
        if not isinstance(heads, nn.ModuleList):
            heads = [heads]
        extractors = getattr(roi_head, f'{kind}_roi_extractor', None)
        if extractors is None:  # the mask head reads the box head's regions
            extractors = roi_head.bbox_roi_extractor
        if not isinstance(extractors, nn.ModuleList):
            extractors = [extractors] * len(heads)
        for head, extractor in zip(heads, extractors, strict=True):
            size = extractor.roi_layers[0].output_size
            size = (size, size) if isinstance(size, int) else tuple(size)
            regions = torch.empty(count, extractor.out_channels, *size, device='meta')
            head(roi_head.shared_head(regions) if roi_head.with_shared_head else regions)
