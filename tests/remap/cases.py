"""Tensors and spaces for tests of the strategies."""

import torch

from mmtransfer.spaces import mbconv_space


def tensors(layout, number=0):
    """Random tensors of double precision; running variances are positive, kernels in scale."""
    generator = torch.Generator().manual_seed(number)
    made = {n: torch.randn(s, generator=generator).double() for n, s in layout.items()}
    for name, tensor in made.items():
        if name.endswith('running_var'):
            made[name] = tensor.abs() + 0.5
        elif tensor.dim() > 1:
            made[name] = tensor * 2 / tensor[0].numel() ** 0.5
    return made


def layout_of(module, prefix=''):
    return {prefix + n: tuple(t.shape) for n, t in module.state_dict().items()}


def space(kernels=(3, 5, 7), expansions=(1, 3, 6)):
    return mbconv_space('mobilenet_v2', kernels=kernels, expansions=expansions)
