"""Hooks on a model that see what each of its modules gives, and what that costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from mmtransfer.cost.conventions import Convention
from mmtransfer.cost.metrics import METRICS
from mmtransfer.cost.operators import Operators
from mmtransfer.cost.passes import selections_seen

PARTS = ('backbone', 'neck', 'head')
PRODUCTS = 'products of two feature maps (attention, filters made for each image) are not counted'


def part_of(name: str) -> str | None:
    """Part of a model that a module or parameter of this name belongs to; None: not counted.

    Auxiliary heads serve the training loss alone. What is neither backbone nor neck is the head.
    """
    first = name.split('.')[0]
    if first in ('auxiliary_head', 'data_preprocessor'):
        return None
    return first if first in ('backbone', 'neck') else 'head'


def is_convolution(module: Any) -> bool:
    """Whether a module is made like a convolution: PyTorch's, or a deformable one."""
    names = ('weight', 'in_channels', 'out_channels', 'groups', 'kernel_size')
    if isinstance(module, _ConvNd) or not all(hasattr(module, name) for name in names):
        return isinstance(module, _ConvNd)
    shape = (module.out_channels, module.in_channels // module.groups)
    return module.weight.dim() > 2 and tuple(module.weight.shape[:2]) == shape


def is_known(module: nn.Module) -> bool:
    """Whether a module is counted whole."""
    return isinstance(module, (nn.Linear, _BatchNorm, nn.MultiheadAttention)) or is_convolution(
        module
    )


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
    elif is_convolution(module):
        weighted: Any = module
        madds = output.numel() // weighted.out_channels * weighted.weight.numel()
    else:
        return 0
    biased = how.bias and getattr(module, 'bias', None) is not None
    return madds + (output.numel() if biased else 0)


def attention_madds(
    module: nn.MultiheadAttention, query: Tensor, key: Tensor, value: Tensor, how: Convention
) -> int:
    """Multiply-adds of the four projections of attention, each as a linear layer.

    Args:
        module: The layer; its width is E.
        query, key, value: (..., E), (..., key width) and (..., value width).
        how: What is counted.
    """
    if not how.linear:
        return 0
    width, biased = module.embed_dim, how.bias and module.in_proj_bias is not None
    rows = query.numel() // query.shape[-1]
    inputs = sum(
        x.numel() * width + (x.numel() // x.shape[-1] * width if biased else 0)
        for x in (query, key, value)
    )
    out = rows * width * width
    return inputs + out + (rows * width if how.bias and module.out_proj.bias is not None else 0)


@dataclass
class Watch:
    """What one pass of a model showed.

    Args:
        madds: Multiply-adds per part.
        others: Key of another metric -> its cost per part.
        notes: Part -> what it computed that the rules do not count.
        unknown: Part -> why its multiply-adds are not known.
        selected: Whether something was chosen by its value, as by non-maximum suppression.
        finished: Parts whose module ran to its end.
        outputs: Part -> what each call of it gave.
        inside: Names of the modules that run now, with their parts; after a failure, where.
    """

    madds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    others: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    selected: bool = False
    finished: set[str] = field(default_factory=set)
    outputs: dict[str, list[Any]] = field(default_factory=dict)
    inside: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def part(self) -> str:
        """The part that runs now."""
        return (self.inside[-1][1] if self.inside else None) or 'head'

    def add(self, madds: int) -> None:
        """Count so many for the part that runs now."""
        self.madds[self.part] += madds

    def add_others(self, module: nn.Module, output: Any) -> None:
        """Count one call of a module by every metric that counts modules."""
        for metric in METRICS.values():
            if metric.module is not None:
                costs = self.others.setdefault(metric.key, dict.fromkeys(PARTS, 0))
                costs[self.part] += metric.module(module, output)

    def note(self) -> None:
        """Two feature maps were multiplied."""
        self.notes[self.part] = PRODUCTS

    def miss(self, operator: str) -> None:
        """An operator used weights in a way that is not known."""
        self.unknown[self.part] = f'{self._name} computes {operator} with its weights'

    def select(self) -> None:
        """Something was chosen by its value."""
        self.selected = True

    @property
    def _name(self) -> str:
        return self.inside[-1][0] if self.inside else 'the model'


@contextmanager
def watched(model: nn.Module, how: Convention) -> Iterator[Watch]:
    """Inside, a forward pass of the model is watched."""
    watch = Watch()
    operators = Operators(model.parameters(), how, watch.add, watch.note, watch.miss, watch.select)

    def enter(name: str, whole: bool) -> Any:
        def hook(module: nn.Module, args: tuple) -> None:
            watch.inside.append((name, part_of(name)))
            operators.paused += whole

        return hook

    def leave(name: str, whole: bool) -> Any:
        def hook(module: nn.Module, args: tuple, kwargs: dict, output: Any) -> None:
            if part_of(name) is not None:
                watch.add_others(module, output)
            if part_of(name) is not None and whole:
                watch.add(_whole(module, args, kwargs, output, how))
                if isinstance(module, nn.MultiheadAttention):
                    watch.note()
            operators.paused -= whole
            watch.inside.pop()
            if name in PARTS:
                watch.finished.add(name)
                watch.outputs.setdefault(name, []).append(output)

        return hook

    hooks = []
    for name, module in model.named_modules():
        if name:
            whole = is_known(module) or part_of(name) is None
            hooks.append(module.register_forward_pre_hook(enter(name, whole)))
            hooks.append(module.register_forward_hook(leave(name, whole), with_kwargs=True))
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one operator for a whole encoder layer
    try:
        with torch.no_grad(), selections_seen(watch.select), operators:
            yield watch
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for handle in hooks:
            handle.remove()


def _whole(module: nn.Module, args: tuple, kwargs: dict, output: Any, how: Convention) -> int:
    inputs = [*args, *kwargs.values()]
    if isinstance(module, nn.MultiheadAttention):
        given = dict(zip(('query', 'key', 'value'), args, strict=False)) | kwargs
        return attention_madds(module, given['query'], given['key'], given['value'], how)
    return module_madds(module, inputs[0], output, how)
