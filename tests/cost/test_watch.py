import torch
from mmcv.ops import DeformConv2d
from torch import nn

from mmtransfer.cost.conventions import Convention
from mmtransfer.cost.watch import is_convolution, module_madds


def madds(module, shape, **convention):
    x = torch.empty(shape, device='meta')
    module = module.to('meta')
    return module_madds(module, x, module(x), Convention(**convention))


def test_modules_by_hand():
    conv = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    assert madds(conv, (1, 4, 5, 5)) == 9 * 9 * 2 * 6
    assert madds(conv, (1, 4, 5, 5), bias=True) == 9 * 9 * 2 * 6 + 9 * 6
    linear = nn.Linear(5, 7)
    assert madds(linear, (3, 5)) == 3 * 35
    assert madds(linear, (3, 5), bias=True) == 3 * 35 + 3 * 7
    assert madds(linear, (3, 5), linear=False, bias=True) == 0
    assert madds(nn.BatchNorm2d(4).eval(), (1, 4, 5, 5), norm=2) == 200
    assert madds(nn.BatchNorm2d(4).eval(), (1, 4, 5, 5)) == 0
    assert madds(nn.MaxPool2d(2), (1, 4, 4, 4), bias=True) == 0


def test_a_transposed_convolution_costs_a_kernel_per_input_position():
    deconv = nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, bias=False)
    assert madds(deconv, (1, 4, 5, 3)) == 15 * 16 * 24
    assert madds(deconv, (1, 4, 5, 3), deconv_per_output=True) == 4 * 15 * 16 * 24


def test_a_deformable_convolution_costs_what_a_convolution_does():
    deformable = DeformConv2d(4, 6, 3, padding=1, groups=2)
    assert is_convolution(deformable) and not is_convolution(nn.Linear(2, 2))
    x, output = torch.empty(1, 4, 5, 5), torch.empty(1, 6, 5, 5)
    assert module_madds(deformable, x, output, Convention(bias=True)) == 25 * 9 * 2 * 6
