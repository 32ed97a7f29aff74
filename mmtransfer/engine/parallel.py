"""Data-parallel training: of networks in which only some parameters take part in each step, and of
ordinary ones."""

import warnings
from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from mmengine.dist import get_world_size
from mmengine.model import (
    BaseModel,
    MMDistributedDataParallel,
)
from torch import Tensor, nn

from mmtransfer.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class DistributedDataParallel(MMDistributedDataParallel):
    """MMEngine's wrapper, on the CPU too, for networks whose heads may leave parameters out.

    Args:
        module: The model, on its device.
        device_ids: MMEngine's runner gives the number of this process; on the CPU there is none.
        broadcast_buffers: False leaves the statistics of normalisation to each rank, until
            ``AverageStatisticsHook`` joins them.
        find_unused_parameters: Parameters without a gradient (a head without a positive sample)
            count as zero where another rank has one, and stay as they are where none has.
        **kwargs: PyTorch's.
    """

    def __init__(
        self,
        module: nn.Module,
        device_ids: list[int] | None = None,
        broadcast_buffers: bool = False,
        find_unused_parameters: bool = True,
        **kwargs: Any,
    ) -> None:
        # True costs less than the step that PyTorch recommends to find out whether it is needed.
        warnings.filterwarnings('ignore', message='find_unused_parameters=True was specified')
        on_cpu = next(module.parameters()).device.type == 'cpu'
        super().__init__(
            module,
            device_ids=None if on_cpu else device_ids,
            broadcast_buffers=broadcast_buffers,
            find_unused_parameters=find_unused_parameters,
            **kwargs,
        )


@MODEL_WRAPPERS.register_module()
class AverageGradients(nn.Module):
    """Averages over the ranks the gradients of the parameters that take part in a step.

    These are all that learn but those that a supernet calls idle under its selection, which is the
    same on every rank. They are reduced in buckets while the backward pass runs, in reverse order,
    each copied once. A parameter that has a gradient on some ranks only (a head that found no
    positive sample) counts as zero on the others; where no rank has one it stays without.
    Parameters and buffers are taken from rank 0 once, at the start.

    Args:
        module: A model of MMEngine's, on its device.
        bucket_mb: Megabytes of gradients that are reduced at once.

    Attributes:
        reduced_bytes: Bytes of gradients reduced in the last backward pass.
    """

    def __init__(self, module: BaseModel, bucket_mb: float = 25) -> None:
        super().__init__()
        if not bucket_mb > 0:
            raise ValueError(f'bucket_mb must be positive; received {bucket_mb}.')
        self.module = module
        self.reduced_bytes = 0
        self._limit = int(bucket_mb * 2**20)
        self._reduction: Reduction | None = None
        self._heard: set[int] = set()
        self._candidates: list[nn.Parameter] = []
        self._choosing: list[Any] = []
        self._ids: dict[nn.Module, list[int]] = {}
        if get_world_size() > 1:
            for tensor in [*module.parameters(), *module.buffers()]:
                first = tensor.detach().contiguous()
                dist.broadcast(first, 0)
                tensor.data.copy_(first)

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, Tensor]:
        """As ``BaseModel.train_step``, with averaged gradients."""
        with optim_wrapper.optim_context(self):
            data = self.module.data_preprocessor(data, True)
            losses = self.module._run_forward(data, mode='loss')
        loss, log_vars = self.module.parse_losses(losses)
        if loss.requires_grad and get_world_size() > 1:
            self._listen()
            # The hook runs when the backward pass reaches the loss; the callback when it has ended.
            loss.register_hook(self._queue)
        optim_wrapper.update_params(loss)
        return log_vars

    def val_step(self, data: Any) -> list:
        """As ``BaseModel.val_step``."""
        return self.module.val_step(data)

    def test_step(self, data: Any) -> list:
        """As ``BaseModel.test_step``."""
        return self.module.test_step(data)

    def forward(self, *args, **kwargs) -> Any:
        """The module's own forward."""
        return self.module(*args, **kwargs)

    def _active(self) -> list[nn.Parameter]:
        if not self._candidates:  # found once: walking a supernet takes longer than its reduction
            self._candidates = list(self.module.parameters())
            self._choosing = [m for m in self.module.modules() if hasattr(m, 'idle_modules')]
        idle: set[int] = set()
        for chooser in self._choosing:
            for m in chooser.idle_modules():
                if m not in self._ids:
                    self._ids[m] = [id(p) for p in m.parameters()]
                idle.update(self._ids[m])
        return [p for p in self._candidates if p.requires_grad and id(p) not in idle]

    def _listen(self) -> None:
        active = self._active()
        self._reduction = Reduction(active, self._limit)
        for parameter in active:
            if id(parameter) not in self._heard:
                self._heard.add(id(parameter))
                parameter.register_post_accumulate_grad_hook(self._arrived)

    def _arrived(self, parameter: Tensor) -> None:
        if self._reduction is not None:
            self._reduction.arrived(parameter)

    def _queue(self, gradient: Tensor) -> None:
        torch.autograd.Variable._execution_engine.queue_callback(self._finish)

    def _finish(self) -> None:
        if self._reduction is not None:
            self.reduced_bytes = self._reduction.finish()
            self._reduction = None


class Reduction:
    """The average over the ranks of the gradients of one backward pass, begun while it runs.

    Behind the gradients of a bucket stands a one for each that this rank has, so that all ranks
    learn which exist; only a rank that lacks one needs to look.

    Args:
        parameters: The same on every rank, in the same order.
        limit: Bytes per bucket.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], limit: int) -> None:
        self.buckets = buckets(parameters, limit)
        self._of = {id(p): i for i, bucket in enumerate(self.buckets) for p in bucket}
        self._awaited = [len(bucket) for bucket in self.buckets]
        self._begun: list[tuple[Tensor, Any]] = []

    @torch.no_grad()
    def arrived(self, parameter: Tensor) -> None:
        """A gradient is complete. Buckets are begun in their order, the same on every rank."""
        if id(parameter) not in self._of:
            return
        self._awaited[self._of[id(parameter)]] -= 1
        while len(self._begun) < len(self.buckets) and self._awaited[len(self._begun)] == 0:
            self._begin()

    @torch.no_grad()
    def finish(self) -> int:
        """Reduce what is left and hand out the averages; returns the bytes of gradients reduced."""
        while len(self._begun) < len(self.buckets):
            self._begin()
        absent: list[tuple[nn.Parameter, Tensor]] = []
        size = 0
        for bucket, (flat, work) in zip(self.buckets, self._begun, strict=True):
            work.wait()
            flat /= get_world_size()
            *averages, shares = flat.split([*(p.numel() for p in bucket), len(bucket)])
            for number, (parameter, average) in enumerate(zip(bucket, averages, strict=True)):
                if parameter.grad is None:
                    absent.append((parameter, shares[number]))
                parameter.grad = average.view_as(parameter)
                size += average.numel() * average.element_size()
        if absent:
            existing = torch.stack([share.float() for _, share in absent]).tolist()
            for (parameter, _), share in zip(absent, existing, strict=True):
                if share == 0:
                    parameter.grad = None
        return size

    def _begin(self) -> None:
        bucket = self.buckets[len(self._begun)]
        exist = bucket[0].new_ones(len(bucket))
        parts = []
        for number, parameter in enumerate(bucket):
            if parameter.grad is None:
                exist[number] = 0
                parts.append(parameter.new_zeros(parameter.numel()))
            else:
                parts.append(parameter.grad.reshape(-1))
        flat = torch.cat([*parts, exist])
        self._begun.append((flat, dist.all_reduce(flat, async_op=True)))


def buckets(parameters: Iterable[nn.Parameter], limit: int) -> list[list[nn.Parameter]]:
    """Parameters of one dtype each, the last ones first, as their gradients arrive.

    Args:
        parameters: In the order of the model.
        limit: A bucket is full when it has so many bytes.
    """
    filled: list[list[nn.Parameter]] = []
    open_: dict[tuple[torch.dtype, torch.device], tuple[list[nn.Parameter], int]] = {}
    for parameter in reversed(list(parameters)):
        key = parameter.dtype, parameter.device
        bucket, size = open_.pop(key, ([], 0))
        if not bucket:
            filled.append(bucket)
        bucket.append(parameter)
        size += parameter.numel() * parameter.element_size()
        if size < limit:
            open_[key] = bucket, size
    return filled
