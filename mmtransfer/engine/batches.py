"""Do the batches of a training suit the model?"""

from typing import Any

from mmengine.dataset import InfiniteSampler
from torch import nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm

from mmtransfer.annotations import DataError

from .channels import config_key
from .parallel import unwrap
from .parts import Part


def check_batches(model: Any, part: Part) -> None:
    """Refuse batches of one image where a head normalises one value per channel and image.

    Args:
        model: Where it pools a whole image to one value and normalises what remains, a batch of one
            image has no statistics, and torch refuses it.
        part: What is trained on.

    Raises:
        DataError: Names the head, the numbers and the keys.
    """
    pooled = _pooled_norm(unwrap(model))
    least = _least(part.loader)
    if pooled is None or least != 1:
        return
    loader = part.key.removesuffix('.dataset')
    batches = part.loader.batch_sampler
    raise DataError(
        f'every batch must have two images at least, as {config_key(pooled)} pools each to one '
        f'value per channel and normalises over the batch; {len(batches.sampler)} samples of '
        f'{part.key} in batches of {batches.batch_size} leave one for the last. Set '
        f'{loader}.drop_last=True, or another {loader}.batch_size.'
    )


def _pooled_norm(model: nn.Module) -> str | None:
    """Path of a sequence that pools to 1 x 1 before a batch normalisation over this process."""
    for path, module in model.named_modules():
        if isinstance(module, nn.Sequential) and len(module) > 1:
            first, *others = module
            pools = isinstance(first, (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d))
            if pools and first.output_size in (1, (1, 1)):
                norms = [m for o in others for m in o.modules() if isinstance(m, _BatchNorm)]
                if any(not isinstance(m, SyncBatchNorm) for m in norms):
                    return path
    return None


def _least(loader: Any) -> int | None:
    """Images in the smallest batch of a pass; None where that is not known."""
    batches = getattr(loader, 'batch_sampler', None)
    size = getattr(batches, 'batch_size', None)
    sampler: Any = getattr(batches, 'sampler', None)
    if size is None or not hasattr(sampler, '__len__'):
        return None
    drops = getattr(getattr(batches, 'batches', batches), 'drop_last', False)
    left = 0 if drops or isinstance(sampler, InfiniteSampler) else len(sampler) % size
    return left or size
