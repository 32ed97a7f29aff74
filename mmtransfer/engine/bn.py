"""Running statistics of batch normalisation, re-estimated for weights that come from elsewhere."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import islice
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import _BatchNorm

from mmtransfer.registry import HOOKS

from .loaders import forget_leftovers
from .parallel import unwrap


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

    accumulated in float64, with one reduction over the ranks. The variance is the unbiased one that
    ``nn.BatchNorm`` keeps; unlike an average of batch variances it includes how the batch means
    differ.

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
        joined = joined_batches(layers) if synchronised else nullcontext()
        with listening(layers, sums.add), joined:
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
    modes = [(m, m.training) for m in model.modules()]
    model.train()
    if frozen:
        for m in model.modules():
            m.training = m.training or isinstance(m, _BatchNorm)
    layers: list[Any] = [m for m in model.modules() if isinstance(m, _BatchNorm) and _is_open(m)]
    try:
        for m in layers:
            m.track_running_stats = False  # batch statistics, nothing kept
        yield layers
    finally:
        for m in layers:
            m.track_running_stats = True
        for module, training in modes:
            module.training = training


@contextmanager
def joined_batches(layers: Iterable[Any]) -> Iterator[None]:
    """Inside, these norms normalise by the statistics of the batch of all ranks, on any device.

    No gradient flows through the statistics.
    """

    def normalise(layer: Any, x: Tensor) -> Tensor:
        sums, count = _sums(x)
        flat = torch.cat([sums.flatten(), sums.new_tensor([count])])
        all_reduce(flat)
        mean, square = flat[:-1].view(2, -1) / flat[-1]
        variance = (square - mean.square()).clamp(min=0)
        return batch_norm(
            x, mean.to(x.dtype), variance.to(x.dtype), layer.weight, layer.bias, eps=layer.eps
        )

    replaced = list(layers) if get_world_size() > 1 else []
    for m in replaced:
        m.forward = partial(normalise, m)
    try:
        yield
    finally:
        for m in replaced:
            del m.forward


def _sums(x: Tensor) -> tuple[Tensor, int]:
    """Per channel the sum and the sum of squares, (2, C) in float64, and how many they are of."""
    flat = x.detach().double().transpose(0, 1).flatten(1)
    return torch.stack([flat.sum(1), flat.square().sum(1)]), flat.shape[1]


@contextmanager
def listening(layers: Iterable[Any], heard: Callable[[Any, Tensor, int], None]) -> Iterator[None]:
    """Inside, ``heard`` is told of each input of these norms: the layer, and :func:`_sums`."""

    def listen(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        heard(layer, *_sums(inputs[0]))

    hooks = [m.register_forward_pre_hook(listen) for m in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class NormSums:
    """Sums over batches of what reached some norms, from which their statistics follow.

    Args:
        layers: The norms.
    """

    def __init__(self, layers: Iterable[Any]) -> None:
        self.sums: dict[Any, Tensor] = {
            m: torch.zeros(2, m.num_features, dtype=torch.float64) for m in layers
        }
        self.counts: dict[Any, int] = dict.fromkeys(self.sums, 0)

    def add(self, layer: Any, sums: Tensor, count: int) -> None:
        """Take in one input, as :func:`listening` tells of it."""
        self.sums[layer] += sums.to(self.sums[layer].device)
        self.counts[layer] += count

    def write(self, model: nn.Module) -> int:
        """Set the running statistics by the sums of all ranks; returns for how many layers.

        A layer that nothing reached on any rank keeps what it has.
        """
        if not self.sums:
            return 0
        flat = torch.cat(
            [torch.cat([s.flatten(), torch.tensor([self.counts[m]])]) for m, s in self.sums.items()]
        )
        flat = flat.to(next(model.parameters()).device)
        all_reduce(flat)
        sizes = [2 * m.num_features + 1 for m in self.sums]
        seen = 0
        for m, part in zip(self.sums, flat.split(sizes), strict=True):
            n = part[-1]
            if n == 0:
                continue
            seen += 1
            mean, square = part[:-1].view(2, -1) / n
            m.running_mean.copy_(mean)
            m.running_var.copy_((square - mean.square()).clamp(min=0) * n / (n - 1).clamp(min=1))
        return seen


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


@HOOKS.register_module()
class ReestimateBNHook(Hook):
    """Re-estimates the statistics before the first step of a run that was not resumed, over the
    batches of all ranks as SyncBN would (FNA++, Sec. 4.4).

    Args:
        iterations: Training batches to use, on each rank.
        frozen: Also the statistics of layers that are frozen in training.
    """

    priority = 'LOW'  # after the weights have been remapped

    def __init__(self, iterations: int, frozen: bool = False) -> None:
        if iterations < 1:
            raise ValueError(f'iterations must be at least 1; received {iterations}.')
        self.iterations = iterations
        self.frozen = frozen

    def before_train(self, runner) -> None:
        """Runs :func:`reestimate_bn` on the training data."""
        if runner.iter > 0 or runner._resume:
            return
        model = unwrap(runner.model)
        count = reestimate_bn(
            model, runner.train_dataloader, self.iterations, self.frozen, synchronised=True
        )
        runner.logger.info(
            f're-estimated the statistics of {count} normalisation layers over '
            f'{self.iterations} iterations'
        )
