"""The effective receptive field of a network, as a map, a number and a picture.

How much each pixel of the input moves the centre neuron of the last feature map (block allocation,
Sec. 4.1 and Fig. 3, after Luo et al., 2016). Where the paper is silent, the choice made here is
named in the function that makes it.
"""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmtransfer.cost.counter import image_channels
from mmtransfer.report.style import INK, MARK, SMALL, TEXT, TITLE, new_figure

ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.SiLU, nn.GELU, nn.Hardswish)


def without_activations(network: nn.Module) -> nn.Module:
    """A copy in evaluation mode whose connections alone decide: the paper abandons ReLU.

    Max pooling becomes average pooling. On an input of ones all values of a window are equal, and
    an even share of the gradient is the one among them that prefers no pixel.
    """
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, ACTIVATIONS):
                setattr(module, name, nn.Identity())
            elif isinstance(child, nn.MaxPool2d):
                average = nn.AvgPool2d(
                    child.kernel_size,
                    child.stride,
                    child.padding,
                    ceil_mode=child.ceil_mode,
                    count_include_pad=False,
                )
                setattr(module, name, average)
    return network


def normalise(network: nn.Module, images: Tensor) -> None:
    """Set the statistics of all batch norms to those of these images, in place.

    Random weights come without statistics. With those of white noise every norm does what it does
    in training, so that a block's path and its shortcut weigh as much as they do there.

    Args:
        network: Without activations, if that is how it shall run.
        images: (N, 3, H, W).
    """
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        network(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def receptive_field(
    network: nn.Module, input_size: tuple[int, int], stage: int = -1, channel: int = 0
) -> Tensor:
    """The effective receptive field of one neuron: its gradient by an input of ones.

    Args:
        network: Maps an image to one feature map or to several; as it shall run.
        input_size: (H, W) of the image.
        stage: Which feature map, by its place among those returned.
        channel: Channel of the neuron; modulo those there are. It lies at (H' // 2, W' // 2).

    Returns:
        (H, W): the absolute gradient summed over the colours, as shares: the sum is 1.

    Raises:
        ValueError: There is no such feature map, or no pixel has any influence.
    """
    image = torch.ones(1, image_channels(network), *input_size, requires_grad=True)
    output = network(image)
    features = (output,) if isinstance(output, Tensor) else tuple(output)
    if not -len(features) <= stage < len(features):
        raise ValueError(
            f'the stage must lie between {-len(features)} and {len(features) - 1}, the feature '
            f'maps that the network returns; received {stage}'
        )
    found = features[stage]
    height, width = found.shape[-2:]
    neuron = found[0, channel % found.shape[1], height // 2, width // 2]
    (gradient,) = torch.autograd.grad(neuron, image)
    intensity = gradient[0].double().abs().sum(0)
    if not intensity.sum() > 0 or not intensity.isfinite().all():
        raise ValueError(
            'the centre neuron must have a finite gradient other than 0; it has none. Check the '
            'weights, or take a larger input.'
        )
    return intensity / intensity.sum()


def mean_field(
    build: Callable[[], nn.Module],
    input_size: tuple[int, int],
    *,
    stage: int = -1,
    runs: int = 20,
    seed: int = 0,
    random_weights: bool = True,
) -> Tensor:
    """The mean field of several neurons, each of a random channel.

    Args:
        build: Makes the network. With random weights it is called in every run and must draw them
            from PyTorch's generator; otherwise once.
        input_size: (H, W) of the image.
        stage: As for ``receptive_field``.
        runs: Neurons; with random weights as many networks.
        seed: Of all that is random; PyTorch's own generator is left as it was.
        random_weights: The norms then take their statistics from white noise (``normalise``).

    Returns:
        (H, W) in float64, of sum 1.
    """
    if runs < 1:
        raise ValueError(f'runs must be at least 1; received {runs}')
    total = torch.zeros(input_size, dtype=torch.float64)
    network: nn.Module | None = None
    for run in range(runs):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + run)
            channel = int(torch.randint(1 << 20, ()))
            if network is None or random_weights:
                network = without_activations(build())
                if random_weights:
                    normalise(network, torch.randn(2, image_channels(network), *input_size))
        total += receptive_field(network, input_size, stage, channel)
    return total / runs


def centre_box(size: tuple[int, int], box: float = 0.5) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of the box in the centre with this share of both sides."""
    if not 0 < box < 1:
        raise ValueError(f'the box must be a share of the sides between 0 and 1; received {box}')
    height, width = (max(1, round(side * box)) for side in size)
    height += (size[0] - height) % 2  # as much on either side
    width += (size[1] - width) % 2
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return top, left, top + height, left + width


def outside_share(field: Tensor, box: float = 0.5) -> float:
    """The share of a field that lies outside the centre box, 0 to 1.

    The paper counts responses outside a box whose size it does not give.

    Args:
        field: (H, W), as shares.
        box: Sides of the box over those of the image.
    """
    top, left, bottom, right = centre_box((field.shape[0], field.shape[1]), box)
    return float(1 - field[top:bottom, left:right].sum() / field.sum())


def draw_fields(fields: Sequence[Tensor], labels: Sequence[str], box: float = 0.5) -> Figure:
    """Fields side by side on one scale, each with the centre box and the share outside it.

    Brightness is the square root of the intensity, or the outer region would look black.

    Args:
        fields: One or more (H, W), as shares.
        labels: One per field.
        box: Sides of the box over those of the image.

    Returns:
        A matplotlib figure that belongs to no window.

    Raises:
        ValueError: No fields, or not one label for each.
    """
    if not fields or len(fields) != len(labels):
        raise ValueError(
            f'there must be at least one field, and one label for each; received {len(fields)} '
            f'fields, {len(labels)} labels'
        )
    mean = [np.asarray(field) * field.numel() for field in fields]  # 1: as much as any other pixel
    top = max(float(np.quantile(values, 0.999)) for values in mean)
    count = len(fields)
    figure = new_figure(3.1 * count + 0.9, 3.5, dpi=200)
    panels = figure.subplots(1, count, squeeze=False)[0]
    for axes, field, values, label in zip(panels, fields, mean, labels, strict=True):
        shown = axes.imshow(values, cmap='magma', norm=PowerNorm(0.5, 0, top), rasterized=True)
        axes.set_title(label, color=INK, fontsize=TITLE)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        _mark(axes, field, box)
    bar = figure.colorbar(shown, ax=list(panels), shrink=0.86, pad=0.02, extend='max')
    bar.set_label('intensity over its mean', color=INK, fontsize=TEXT)
    bar.ax.tick_params(labelsize=SMALL, colors=INK)
    bar.outline.set_visible(False)
    return figure


def _mark(axes: Axes, field: Tensor, box: float) -> None:
    """The centre box, and at the top right what lies outside it."""
    top, left, bottom, right = centre_box((field.shape[0], field.shape[1]), box)
    axes.add_patch(
        Rectangle(
            (left - 0.5, top - 0.5), right - left, bottom - top, fill=False, ec=MARK, lw=1, ls='--'
        )
    )
    axes.text(
        0.97,
        0.97,
        f'outside: {outside_share(field, box):.1%}',
        transform=axes.transAxes,
        ha='right',
        va='top',
        color='white',
        fontsize=TEXT,
        bbox=dict(facecolor='black', edgecolor=MARK, alpha=0.75, boxstyle='square,pad=0.3'),
    )
