"""What a model multiplies outside of its convolutions and linear layers, seen operator by operator.

A module that is known is counted whole. Everything else a model computes comes by here: products
with its weights count like a linear layer, products of two feature maps (attention, filters that a
network makes for each image) are noted, and an operator that uses weights in a way that is not
known is named.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from mmtransfer.cost.conventions import Convention

# Operator -> places of its two factors and of its bias, if it may have one, in its arguments.
_PRODUCTS: dict[str, tuple[int, int, int | None]] = {
    'aten::mm': (0, 1, None),
    'aten::bmm': (0, 1, None),
    'aten::mv': (0, 1, None),
    'aten::dot': (0, 1, None),
    'aten::addmm': (1, 2, 0),
    'aten::baddbmm': (1, 2, 0),
    'aten::addmv': (1, 2, 0),
    'aten::convolution': (0, 1, 2),
}
# Operators of PyTorch that multiply by weights in other ways; none of OpenMMLab's models has one.
_UNKNOWN = ('aten::_trilinear', 'aten::mkldnn_rnn_layer', 'aten::_thnn_fused', 'aten::_cdist')


_SELECTIONS = ('aten::nonzero', 'aten::masked_select', 'aten::_unique', 'aten::unique')


def _by_mask(indices: Any) -> bool:
    return any(i is not None and i.dtype == torch.bool for i in indices)


class Operators(TorchDispatchMode):
    """Inside, each operator that is not part of a known module is looked at.

    Args:
        parameters: Of the model. What is made of them alone, such as a transposed or a normalised
            weight, counts as a weight too.
        how: What is counted.
        add: Takes the multiply-adds of an operator with weights.
        note: Called for a product of two feature maps.
        unknown: Takes the name of an operator that uses weights and is not known.
        select: Called where the size of a result depends on values.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        how: Convention,
        add: Callable[[int], None],
        note: Callable[[], None],
        unknown: Callable[[str], None],
        select: Callable[[], None],
    ) -> None:
        super().__init__()
        self.weights = WeakIdKeyDictionary({p: True for p in parameters})
        self.how, self.add, self.note = how, add, note
        self.unknown, self.select = unknown, select
        self.paused = 0  # inside so many modules that are counted whole

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if not self.paused:
            self._see(func._schema.name, args, tree_leaves((args, kwargs)), output)
        return output

    def _see(self, name: str, args: Any, leaves: list[Any], output: Any) -> None:
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        if name in _PRODUCTS:
            self._product(name, args, output)
        elif name.startswith('aten::_scaled_dot_product'):
            self.note()
        elif name.startswith(_SELECTIONS) or name == 'aten::index' and _by_mask(args[1]):
            self.select()
        elif any(t in self.weights for t in tensors):
            if name.startswith(_UNKNOWN) or not name.startswith(('aten::', 'prims::')):
                self.unknown(name)
            if all(t in self.weights for t in tensors):
                for made in tree_leaves(output):
                    if isinstance(made, Tensor):
                        self.weights[made] = True

    def _product(self, name: str, args: Any, output: Tensor) -> None:
        first, second, bias = _PRODUCTS[name]
        one, other = args[first], args[second]
        if one not in self.weights and other not in self.weights:
            self.note()
            return
        added = output.numel() if bias is not None and args[bias] is not None else 0
        if name == 'aten::convolution':
            transposed, weight = args[6], other
            positions = one if transposed and not self.how.deconv_per_output else output
            self.add(
                positions.numel() // positions.shape[1] * weight.numel() + added * self.how.bias
            )
        elif self.how.linear:
            self.add(math.prod(output.shape) * one.shape[-1] + added * self.how.bias)
