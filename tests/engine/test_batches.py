"""A head that pools to 1 x 1 and normalises needs two images in every batch."""

from types import SimpleNamespace

import pytest
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch import nn
from torch.utils.data import BatchSampler, DataLoader

from mmtransfer.annotations import DataError
from mmtransfer.engine.batches import check_batches
from mmtransfer.engine.parts import Part


def pooled(norm=nn.BatchNorm2d, size=1):
    return nn.ModuleDict(
        dict(head=nn.Sequential(nn.AdaptiveAvgPool2d(size), nn.Sequential(nn.ReLU(), norm(4))))
    )


def part(samples, size, drops=False, sampler=DefaultSampler):
    data = list(range(samples))
    batches = BatchSampler(sampler(data, shuffle=False), size, drops)
    return Part('train_dataloader.dataset', DataLoader(data, batch_sampler=batches))


@pytest.mark.parametrize(
    'case', [part(9, 4), part(4, 1), part(3, 1, True), part(4, 1, sampler=InfiniteSampler)]
)
def test_a_batch_of_one_is_refused(case):
    with pytest.raises(DataError, match=r'model\.head pools .*Set train_dataloader.drop_last=True'):
        check_batches(pooled(), case)


@pytest.mark.parametrize(
    ('model', 'case'),
    [
        (pooled(), part(9, 4, True)),
        (pooled(), part(8, 4)),
        (pooled(), part(10, 4)),
        (pooled(), part(9, 4, sampler=InfiniteSampler)),
        (pooled(size=2), part(9, 4)),
        (pooled(nn.SyncBatchNorm), part(9, 4)),
        (pooled(lambda channels: nn.GroupNorm(1, channels)), part(9, 4)),
        (nn.Sequential(nn.AdaptiveAvgPool2d(1)), part(9, 4)),
        (pooled(), Part('x', SimpleNamespace(batch_sampler=None))),
    ],
)
def test_others_pass(model, case):
    check_batches(model, case)
