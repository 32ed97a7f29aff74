import subprocess
import sys

import pytest
import torch
from torch import nn

from mmtransfer.cost.formulas import conv_madds, conv_params, node_madds, node_params, strided
from mmtransfer.seeds import seed_network


def test_a_block_by_hand():
    """The second block of MobileNetV2's 24-channel stage, 6 x 24 = 144 hidden channels."""
    layer = seed_network('mobilenet_v2').stages[1][1]
    assert (layer.in_channels, layer.out_channels, layer.expanded_channels, layer.stride) == (
        24,
        24,
        144,
        1,
    )
    assert node_madds(layer, (10, 7)) == 70 * (24 * 144 + 9 * 144 + 144 * 24)
    assert node_params(layer) == 24 * 144 + 9 * 144 + 144 * 24 + 2 * (144 + 144 + 24)


def test_a_block_without_expansion_and_one_with_stride_by_hand():
    first, second = seed_network('mobilenet_v2').nodes[:2]
    assert node_madds(first, (4, 4)) == 16 * (9 * 32 + 32 * 16)
    # Stride 2 on 5 x 7: the expansion sees 35 positions, the rest 3 x 4.
    assert node_madds(second, (5, 7)) == 35 * 16 * 96 + 12 * (9 * 96 + 96 * 24)


@pytest.mark.parametrize('bias', [False, True])
def test_conv_params_are_those_of_the_module(bias):
    conv = nn.Conv2d(6, 9, 5, groups=3, bias=bias)
    expected = sum(p.numel() for p in conv.parameters())
    assert conv_params(6, 9, 5, groups=3, bias=bias) == expected == 450 + 9 * bias
    assert conv_madds(6, 9, 5, (2, 3), groups=3, bias=bias) == 6 * expected


@pytest.mark.parametrize('kernel', [1, 3, 5, 7])
def test_strided_is_the_size_that_padded_convolutions_give(kernel):
    for size in range(1, 12):
        for stride in (1, 2):
            conv = nn.Conv2d(1, 1, kernel, stride, kernel // 2, device='meta')
            out = conv(torch.empty(1, 1, size, 2 * size, device='meta'))
            assert strided((size, 2 * size), stride) == tuple(out.shape[2:])


def test_the_table_needs_no_torch():
    code = """
import sys
from mmtransfer.cost import cost_table
from mmtransfer.spaces import mbconv_space, seed_architecture
cost_table(mbconv_space('mobilenet_v2'), (64, 64)).of(seed_architecture('mobilenet_v2'))
assert 'torch' not in sys.modules
"""
    subprocess.run([sys.executable, '-c', code], check=True)
