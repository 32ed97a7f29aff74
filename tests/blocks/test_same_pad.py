"""SAME padding at stride 2: bit for bit MMCV's, which computes it from the size."""

import pytest
import torch
from mmcv.cnn.bricks.conv2d_adaptive_padding import Conv2dAdaptivePadding

from mmtransfer.blocks import SamePadConv2d


@pytest.mark.parametrize('kernel', [3, 5, 7])
@pytest.mark.parametrize('dilation', [1, 2, 4])
def test_it_is_mmcvs_for_every_size(kernel, dilation):
    torch.manual_seed(0)
    ours = SamePadConv2d(2, 4, kernel, dilation=dilation, groups=2)
    theirs = Conv2dAdaptivePadding(2, 4, kernel, 2, dilation=dilation, groups=2)
    theirs.load_state_dict(ours.state_dict())
    for height in (1, 2, 3, 6, 7, 12):
        for width in range(1, 10):
            x = torch.randn(1, 2, height, width)
            y = ours(x)
            assert y.shape[2:] == (-(-height // 2), -(-width // 2))
            assert torch.equal(y, theirs(x))


@pytest.mark.parametrize(
    ('kernel', 'options'), [(4, {}), (1, {}), (3, dict(stride=1)), (3, dict(padding=1))]
)
def test_what_it_does_not_do_is_refused(kernel, options):
    with pytest.raises(ValueError, match=f'odd kernel of at least 3.*received kernel {kernel}'):
        SamePadConv2d(1, 1, kernel, **options)
