"""One pass of a model of any toolbox through everything that a test runs."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from mmtransfer.seeds import Seed

# Heads on regions -> whose test_cfg says on how many.
_ON_REGIONS = {'bbox': 'rpn', 'mask': 'rcnn', 'grid': 'rcnn'}


def deployed(model: nn.Module) -> nn.Module:
    """The network that a test runs: of a student and its teacher, which are alike, the first."""
    if hasattr(model, 'backbone') or isinstance(model, nn.ModuleDict):
        return model
    found = [child for child in model.children() if hasattr(child, 'backbone')]
    shapes = [[p.shape for p in child.parameters()] for child in found]
    return found[0] if len(found) > 1 and all(s == shapes[0] for s in shapes) else model


def image_channels(model: nn.Module) -> int:
    """Channels of the images that a model reads: what a backbone of ours says, else 3."""
    seeds = (getattr(module, 'seed', None) for module in model.modules())
    return next((seed.in_channels for seed in seeds if isinstance(seed, Seed)), 3)


def run(model: Any, image: Tensor) -> None:
    """One pass through everything that a test runs, but for steps that depend on values.

    Args:
        model: In evaluation mode.
        image: (1, C, H, W).
    """
    # An image that fills its batch.
    size = tuple(image.shape[-2:])
    shapes = dict.fromkeys(('img_shape', 'ori_shape', 'pad_shape', 'batch_input_shape'), size)
    meta = dict(**shapes, scale_factor=(1.0, 1.0), img_id=0)
    if isinstance(model, nn.ModuleDict):
        model['backbone'](image)
    elif hasattr(model, 'encode_decode'):  # mmseg; its mode 'tensor' knows no queries, no cascades
        model.encode_decode(image, [meta])
    elif not hasattr(model, 'roi_head'):
        model(image, [BaseDataElement(metainfo=meta)], mode='tensor')
    elif model.test_cfg.get('rpn') is None:  # queries in place of proposals: a test runs them all
        with _regions_of_zeros(model):
            model(image, [BaseDataElement(metainfo=meta)], mode='predict')
    else:
        features = model.extract_feat(image)
        if model.with_rpn:
            model.rpn_head(features)
        _run_on_regions(model.roi_head, model.test_cfg, image.device)


def _run_on_regions(roi_head: Any, test_cfg: Any, device: torch.device) -> None:
    """The heads on as many regions as a test may give them; which regions does not matter."""
    known = {f'{kind}_{what}' for kind in _ON_REGIONS for what in ('head', 'roi_extractor')}
    for name, child in roi_head.named_children():
        if name not in known | {'shared_head'} and any(True for _ in child.parameters()):
            raise NotImplementedError(
                f'roi_head.{name} ({type(child).__name__}) is none of the heads on regions that '
                f'are counted ({", ".join(_ON_REGIONS)})'
            )
    for kind, stage in _ON_REGIONS.items():
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
        count = test_cfg[stage].max_per_img
        for head, extractor in zip(heads, extractors, strict=True):
            size = _size_of(extractor.roi_layers[0])
            regions = torch.zeros(count, extractor.out_channels, *size, device=device)
            head(roi_head.shared_head(regions) if roi_head.with_shared_head else regions)


def _size_of(layer: Any) -> tuple[int, int]:
    """(H, W) of the regions that a RoI layer gives."""
    size = layer.output_size
    return (size, size) if isinstance(size, int) else tuple(size)


@contextmanager
def _regions_of_zeros(model: nn.Module) -> Iterator[None]:
    """Inside, RoI layers take any boxes, those of no size too: weights may have no meaning yet."""
    with ExitStack() as stack:
        for extractor in model.modules():
            for layer in getattr(extractor, 'roi_layers', ()):
                zeros = partial(_zeros_for, _size_of(layer))
                stack.enter_context(patch.object(layer, 'forward', zeros))
        yield


def _zeros_for(size: tuple[int, int], features: Tensor, rois: Tensor) -> Tensor:
    return features.new_zeros(len(rois), features.shape[1], *size)


@contextmanager
def selections_seen(select: Callable[[], None]) -> Iterator[None]:
    """Inside, each call of MMCV's non-maximum suppression, no operator of PyTorch's, calls this."""
    with ExitStack() as stack:
        module = sys.modules.get('mmcv.ops.nms')
        for name in ('NMSop', 'SoftNMSop') if module else ():
            kind = getattr(module, name)

            def seen(*args: Any, of: Any = kind.apply) -> Any:
                select()
                return of(*args)

            stack.enter_context(patch.object(kind, 'apply', seen))
        yield


@contextmanager
def stand_ins(
    model: nn.Module, outputs: Mapping[str, Sequence[Any]], fill: Callable[..., Tensor]
) -> Iterator[None]:
    """Inside, these modules of a model give other values of the shapes that they once gave.

    Args:
        model: The model.
        outputs: Name of a module -> what its calls gave, in order.
        fill: Makes a tensor of a shape, such as ``torch.zeros``.
    """

    def filled(value: Any) -> Any:
        return fill(value.shape, dtype=value.dtype) if isinstance(value, Tensor) else value

    with ExitStack() as stack:
        for name, given in outputs.items():
            calls = iter([tree_map(filled, output) for output in given])
            module = model.get_submodule(name)
            stack.enter_context(patch.object(module, 'forward', lambda *_, c=calls, **__: next(c)))
        yield
