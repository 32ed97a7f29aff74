"""How multiply-adds are counted: ``'mmtransfer'`` is ours, the others are for papers' tables."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Convention:
    """What a count holds beside the multiply-adds of the convolutions.

    Args:
        bias: One add per output element of every convolution with a bias.
        linear: Linear layers, each as a 1x1 convolution.
        norm: Operations per output element of a batch norm.
        deconv_per_output: Charge a transposed convolution its whole kernel per output position; the
            true cost is one kernel per input position.
    """

    bias: bool = False
    linear: bool = True
    norm: int = 0
    deconv_per_output: bool = False


CONVENTIONS = {
    # FNA++'s tables for detection and segmentation, and ours.
    'mmtransfer': Convention(bias=True),
    # FNA++'s table for pose estimation.
    'paper-fna-pose': Convention(bias=True, deconv_per_output=True),
    # Block allocation; its "G" is 1.024e9.
    'paper-block-allocation': Convention(linear=False),
    # NetTailor.
    'paper-nettailor': Convention(norm=2),
}


def find_convention(name: str) -> Convention:
    """The convention of this name.

    Raises:
        ValueError: There is none; the message lists those there are.
    """
    if name not in CONVENTIONS:
        raise ValueError(
            f'the convention must be one of {", ".join(CONVENTIONS)}; received {name!r}'
        )
    return CONVENTIONS[name]
