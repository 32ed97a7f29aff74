"""TensorFlow's SAME padding at stride 2, for images of any size, exported networks included."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F


class SamePadConv2d(nn.Conv2d):
    """A convolution of stride 2 padded as TensorFlow's SAME does.

    The output has ceil(size / 2) rows and columns. An even size gets the larger half of its padding
    at the bottom and right, an odd one as much on either side. So the padding at the bottom and
    right is always the same, and that at the top and left is one more where the size is odd: of the
    size nothing but ``size % 2`` is computed, which tracing, ``torch.export`` and ONNX record as an
    operation. MMCV's ``Conv2dAdaptivePadding``, which pads alike, computes with Python's ``math``,
    and an exported network crops every image to the size that it was exported with.

    Args:
        in_channels, out_channels: Of the convolution.
        kernel_size: Odd, at least 3.
        **kwargs: As of ``nn.Conv2d``: dilation, groups, bias. The stride is 2; ``padding``, which
            MMCV's ``ConvModule`` passes, must be 0.

    Raises:
        ValueError: Another kernel, stride or padding.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, **kwargs: Any
    ) -> None:
        stride, padding = kwargs.pop('stride', 2), kwargs.pop('padding', 0)
        if kernel_size < 3 or kernel_size % 2 == 0 or stride != 2 or padding != 0:
            raise ValueError(
                f'SamePadConv2d needs an odd kernel of at least 3, stride 2 and padding 0 (it pads '
                f'by itself); received kernel {kernel_size}, stride {stride}, padding {padding}.'
            )
        super().__init__(in_channels, out_channels, kernel_size, stride=2, **kwargs)
        self.after = self.dilation[0] * (kernel_size - 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, out_channels, ceil(H / 2), ceil(W / 2))."""
        top, left = (self.after - 1 + size % 2 for size in x.shape[2:])
        return super().forward(F.pad(x, [left, self.after, top, self.after]))
