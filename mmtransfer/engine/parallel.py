"""Data-parallel training of networks in which only some parameters take part in each step."""

from collections import defaultdict
from typing import Any

import torch
import torch.distributed as dist
from mmengine.dist import get_world_size
from mmengine.model import BaseModel, is_model_wrapper
from torch import Tensor, nn

from mmtransfer.registry import MODEL_WRAPPERS


def unwrap(model: nn.Module) -> Any:
    """The model inside of a wrapper for distributed training, or the model itself."""
    return model.module if is_model_wrapper(model) else model


@MODEL_WRAPPERS.register_module()
class AverageGradients(nn.Module):
    """Averages over the ranks the gradients that a backward pass has produced, and no others.

    After the backward pass the existing gradients are copied into one flat buffer per dtype,
    reduced at once, and copied back. Parameters without a gradient (the candidates that were not
    selected) cost nothing but a byte each in a mask that all ranks exchange first: a parameter that
    has a gradient on some ranks only (a head that found no positive sample) counts as zero on the
    others. Parameters and buffers are taken from rank 0 once, at the start.

    Args:
        module: A model of MMEngine's, on its device.

    Attributes:
        reduced_bytes: Bytes of gradients reduced in the last backward pass.
    """

    def __init__(self, module: BaseModel) -> None:
        super().__init__()
        self.module = module
        self.reduced_bytes = 0
        if get_world_size() > 1:
            for tensor in [*module.parameters(), *module.buffers()]:
                first = tensor.detach().contiguous()
                dist.broadcast(first, 0)
                tensor.data.copy_(first)

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, Tensor]:
        """As :meth:`BaseModel.train_step`, with averaged gradients."""
        with optim_wrapper.optim_context(self):
            data = self.module.data_preprocessor(data, True)
            losses = self.module._run_forward(data, mode='loss')
        loss, log_vars = self.module.parse_losses(losses)
        if loss.requires_grad and get_world_size() > 1:
            # The hook runs when the backward pass reaches the loss; the callback when it has ended.
            loss.register_hook(self._queue)
        optim_wrapper.update_params(loss)
        return log_vars

    def val_step(self, data: Any) -> list:
        """As :meth:`BaseModel.val_step`."""
        return self.module.val_step(data)

    def test_step(self, data: Any) -> list:
        """As :meth:`BaseModel.test_step`."""
        return self.module.test_step(data)

    def forward(self, *args, **kwargs) -> Any:
        """The module's own forward."""
        return self.module(*args, **kwargs)

    def _queue(self, gradient: Tensor) -> None:
        torch.autograd.Variable._execution_engine.queue_callback(self.reduce)

    @torch.no_grad()
    def reduce(self) -> None:
        """Average the gradients that exist on any rank."""
        parameters = [p for p in self.module.parameters() if p.requires_grad]
        exists = [p.grad is not None for p in parameters]
        mask = torch.tensor(exists, dtype=torch.uint8, device=parameters[0].device)
        dist.all_reduce(mask, dist.ReduceOp.MAX)
        groups: dict[torch.dtype, list[Tensor]] = defaultdict(list)
        for parameter, used in zip(parameters, mask.tolist(), strict=True):
            if used:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                groups[parameter.grad.dtype].append(parameter.grad)
        self.reduced_bytes = 0
        for gradients in groups.values():
            flat = torch.cat([g.reshape(-1) for g in gradients])
            dist.all_reduce(flat)
            flat /= get_world_size()
            self.reduced_bytes += flat.numel() * flat.element_size()
            for gradient, part in zip(
                gradients, flat.split([g.numel() for g in gradients]), strict=True
            ):
                gradient.copy_(part.view_as(gradient))
