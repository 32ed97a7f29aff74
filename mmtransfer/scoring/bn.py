"""Running statistics of batch normalisation, re-estimated for weights that come from elsewhere."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import _BatchNorm

from mmtransfer.data.batches import naming_norms
from mmtransfer.data.loaders import forget_leftovers


@torch.no_grad()
def reestimate_bn(
    model: nn.Module,
    loader: Iterable,
    iterations: int,
    frozen: bool = False,
    synchronised: bool = False,
) -> int:
    """Set the running statistics to those of the population of some batches.

    While the batches pass, every layer normalises by the statistics of its own batch, as in
    training. Over all elements x of a channel, in all batches and on all ranks, n of them::

        running_mean = sum(x) / n
        running_var = (sum(x^2) / n - mean^2) * n / (n - 1)

    accumulated in float64 from the mean and variance by which each norm normalises a batch, with
    one reduction over the ranks at the end. The variance is the unbiased one that ``nn.BatchNorm``
    keeps; unlike an average of batch variances it includes how the batch means differ.

    Args:
        model: A model of MMEngine's (its loss is computed and dropped) or any module.
        loader: Batches.
        iterations: How many of them; the loader is read again when it ends.
        frozen: Also of layers that stay in evaluation mode while the model trains (``norm_eval``,
            ``frozen_stages``); they are left alone otherwise. FNA++ does so before it freezes the
            norms of ResNet-50 (Sec. 4.4).
        synchronised: While the batches pass, a batch is what all ranks have of it, as for SyncBN.
            All ranks must run the same norms.

    Returns:
        The number of layers that were set.
    """
    with batch_statistics(model, frozen) as layers:
        sums = NormSums(layers)
        with naming_norms(model), listening(layers, sums.add, synchronised):
            try:
                for batch in islice(again(loader), iterations):
                    forward(model, batch)
            finally:
                forget_leftovers(getattr(loader, 'batch_sampler', None))
    return sums.write(model)


@contextmanager
def batch_statistics(model: nn.Module, frozen: bool = False) -> Iterator[list[Any]]:
    """Inside, the model trains, and its norms use the statistics of each batch and keep none.

    Args:
        model: Any module.
        frozen: Also the norms that stay in evaluation mode while the model trains.

    Yields:
        The norms for which this holds.
    """
    with kept_modes(model):
        model.train()
        if frozen:
            for m in model.modules():
                m.training = m.training or isinstance(m, _BatchNorm)
        layers: list[Any] = [
            m for m in model.modules() if isinstance(m, _BatchNorm) and _is_open(m)
        ]
        try:
            for m in layers:
                m.track_running_stats = False  # batch statistics, nothing kept
            yield layers
        finally:
            for m in layers:
                m.track_running_stats = True


@contextmanager
def kept_modes(model: nn.Module) -> Iterator[None]:
    """Afterwards every module trains or evaluates as it did before, also after an error."""
    modes = [(m, m.training) for m in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def listening(
    layers: Iterable[Any], heard: Callable[[Any, Tensor, int], None], joined: bool = False
) -> Iterator[None]:
    """Inside, ``heard`` is told of each input of these norms.

    It gets the layer; the mean and the unbiased variance of the input per channel, (2, C), as the
    norm itself computes them; and of how many elements they are. The norms return what they would.

    Args:
        layers: Norms that train.
        heard: Keeps what it is told.
        joined: The norms normalise by the statistics of the batch of all ranks, on any device. No
            gradient flows through those.
    """
    joined = joined and get_world_size() > 1
    replaced, hooks = [], []
    for m in layers:
        if joined or type(m).forward is _BatchNorm.forward:
            replaced.append(m)
            m.forward = partial(_normalise_jointly if joined else _normalise, m, heard)
        else:  # such as SyncBN, which has the statistics of all ranks
            hooks.append(m.register_forward_pre_hook(partial(_listen, heard)))
    try:
        yield
    finally:
        for m in replaced:
            del m.forward
        for hook in hooks:
            hook.remove()


def _normalise(layer: Any, heard: Callable, x: Tensor) -> Tensor:
    """By the statistics of the batch, which the norm writes where it has its running ones."""
    found = torch.zeros(2, layer.num_features, dtype=layer.running_mean.dtype, device=x.device)
    y = batch_norm(x, found[0], found[1], layer.weight, layer.bias, True, 1.0, layer.eps)
    heard(layer, found, x.numel() // x.shape[1])
    return y


def _normalise_jointly(layer: Any, heard: Callable, x: Tensor) -> Tensor:
    own, count = _statistics(x)
    heard(layer, own, count)
    flat = torch.cat([*_sums(own[None], own.new_tensor([[count]])), own.new_tensor([count])])
    all_reduce(flat)
    mean, square = flat[:-1].view(2, -1) / flat[-1]
    variance = (square - mean.square()).clamp(min=0)
    dtype = layer.running_mean.dtype
    return batch_norm(
        x, mean.to(dtype), variance.to(dtype), layer.weight, layer.bias, eps=layer.eps
    )


def _listen(heard: Callable, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    heard(layer, *_statistics(inputs[0]))


def _statistics(x: Tensor) -> tuple[Tensor, int]:
    """Per channel the mean and the unbiased variance, (2, C) in float64, and of how many elements
    they are."""
    count = x.numel() // x.shape[1]
    dims = [d for d in range(x.dim()) if d != 1]
    variance, mean = torch.var_mean(x.detach().double(), dims, correction=0)
    return torch.stack([mean, variance * (count / max(count - 1, 1))]), count


def _sums(statistics: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Per channel the sum of all elements and of their squares.

    Args:
        statistics: Means and unbiased variances of batches, (B, 2, C) in float64.
        counts: Of how many elements, (B, 1).
    """
    mean, variance = statistics.unbind(1)
    square = variance * ((counts - 1) / counts) + mean.square()
    return (counts * mean).sum(0), (counts * square).sum(0)


class NormSums:
    """What reached some norms in several batches, from which their statistics follow.

    All of it stays on the device until ``write``.

    Args:
        layers: The norms.
    """

    def __init__(self, layers: Iterable[Any]) -> None:
        self.heard: dict[Any, list[tuple[Tensor, int]]] = {m: [] for m in layers}

    def add(self, layer: Any, statistics: Tensor, count: int) -> None:
        """Take in one input, as ``listening`` tells of it."""
        self.heard[layer].append((statistics, count))

    def write(self, model: nn.Module) -> int:
        """Set the running statistics by the sums of all ranks; returns for how many layers.

        A layer that nothing reached on any rank keeps what it has.
        """
        if not self.heard:
            return 0
        device = next(model.parameters()).device
        numbers = [[count for _, count in heard] for heard in self.heard.values()]
        counts = torch.tensor(sum(numbers, []), dtype=torch.float64, device=device)
        totals = torch.tensor([sum(n) for n in numbers], dtype=torch.float64, device=device)
        sums: list[Tensor] = []
        for (m, heard), own in zip(
            self.heard.items(), counts.split([len(n) for n in numbers]), strict=True
        ):
            if heard:
                sums += _sums(torch.stack([s for s, _ in heard]).double(), own[:, None])
            else:
                sums.append(counts.new_zeros(2 * m.num_features))
        flat = torch.cat([*sums, totals])
        all_reduce(flat)
        *parts, totals = flat.split([*(2 * m.num_features for m in self.heard), len(numbers)])
        reached = totals.tolist()
        for m, part, n in zip(self.heard, parts, reached, strict=True):
            if n > 0:
                mean, square = part.view(2, -1) / n
                m.running_mean.copy_(mean)
                m.running_var.copy_((square - mean.square()).clamp(min=0) * (n / max(n - 1, 1)))
        return sum(n > 0 for n in reached)


def _is_open(layer: _BatchNorm) -> bool:
    return layer.training and layer.track_running_stats and layer.running_mean is not None


def again(loader: Iterable) -> Iterator[Any]:
    """The batches of a loader, over and over."""
    while True:
        empty = True
        for batch in loader:
            empty = False
            yield batch
        if empty:
            raise ValueError('the loader must give at least one batch; it gave none.')


def forward(model: nn.Module, batch: Any) -> None:
    """A forward pass in the mode that the model is in; its result is dropped."""
    if isinstance(model, BaseModel):
        data = model.data_preprocessor(batch, True)
        model._run_forward(data, mode='loss')
    else:
        model(batch)
