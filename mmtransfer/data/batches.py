"""Do the batches of a training suit the model?"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.dataset import InfiniteSampler
from torch import nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm

from mmtransfer.compat.annotations import DataError
from mmtransfer.data.parts import Part
from mmtransfer.models import config_key, unwrap

# What torch says of it.
_ONE_VALUE = 'more than 1 value per channel'


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


@contextmanager
def naming_norms(model: Any) -> Iterator[None]:
    """Inside, a batch norm that trains on one value per channel is named.

    Args:
        model: What runs inside; it may be wrapped.

    Raises:
        DataError: In place of torch's error, with the module, its input and the keys.
    """
    try:
        yield
    except ValueError as error:
        frames = [frame.f_locals.get('self') for frame, _ in traceback.walk_tb(error.__traceback__)]
        norm = next((m for m in reversed(frames) if isinstance(m, _BatchNorm)), None)
        if norm is None or _ONE_VALUE not in str(error):
            raise
        path = next((p for p, m in unwrap(model).named_modules() if m is norm), '')
        size = str(error).rpartition('size')[2].strip()
        raise DataError(
            f'a {type(norm).__name__} that trains must have more than one value per channel; '
            f'{config_key(path)} received an input of size {size}, one image or region of which '
            f'one value is left. Set train_dataloader.batch_size to 2 at least, and drop_last=True '
            f'where the last batch has one image; or take larger images, or a smaller '
            f'output_stride of the backbone.'
        ) from error


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
