"""Remedy: mmcv's compiled operators misread tensors in channels-last layout."""

import sys
import types
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import Function

from mmtransfer.compat.patching import after_import


def mend_memory_layouts() -> None:
    """mmcv's compiled operators read the memory of what they are given as (N, C, H, W) whatever its
    layout, so RoIAlign, deformable convolutions and others compute something else, silently, from
    features in channels-last layout. Give them copies in the layout that they read.

    mmcv.ops is never imported for it: the operators are mended when (or if) it is imported."""

    def mend(_: types.ModuleType) -> None:
        for name, module in sys.modules.copy().items():  # other threads may import meanwhile
            if name.startswith('mmcv.ops.'):
                for function in vars(module).values():
                    if isinstance(function, type) and issubclass(function, Function):
                        _give_contiguous(function)

    after_import('mmcv.ops', mend)


def _give_contiguous(function: Any) -> None:
    """Let an autograd function have contiguous tensors, forward and backward."""
    for name in ('forward', 'backward'):
        original = getattr(function, name)
        if getattr(original, 'gives_contiguous', False):
            continue

        def called(*args: Any, original: Callable = original, **kwargs: Any) -> Any:
            found = (a.contiguous() if _is_channels_last(a) else a for a in args)
            return original(*found, **kwargs)

        called.gives_contiguous = True  # type: ignore[attr-defined]
        setattr(function, name, staticmethod(called))


def _is_channels_last(value: Any) -> bool:
    return (
        isinstance(value, torch.Tensor)
        and value.dim() == 4
        and not value.is_contiguous()
        and value.is_contiguous(memory_format=torch.channels_last)
    )
