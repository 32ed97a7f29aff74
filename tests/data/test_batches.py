"""A head that pools to 1 x 1 and normalises needs two images in every batch."""

import re
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import BatchSampler, DataLoader

from mmtransfer import compat
from mmtransfer.compat.annotations import DataError
from mmtransfer.data.batches import check_batches, naming_norms
from mmtransfer.data.parts import Part
from tests.engine.tiny import search_config, train_config


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


@pytest.mark.parametrize(
    'config', [train_config, search_config, partial(search_config, arch_begin=0)]
)
def test_a_norm_with_one_value_per_channel_is_named(config, tmp_path):
    """An image of 32 x 32 is one value behind stride 32; torch would not say where."""
    compat.apply()
    cfg = config(tmp_path)
    cfg.train_dataloader.update(batch_size=1)
    with pytest.raises(DataError) as error:
        Runner.from_cfg(cfg).train()
    text = str(error.value)
    assert 'a BatchNorm2d that trains must have more than one value per channel' in text
    assert re.search(r'model\.backbone\.stages\.\S+ received an input of size .*1, \d+, 1, 1', text)
    assert 'Set train_dataloader.batch_size to 2' in text


def test_other_errors_pass():
    norm = nn.BatchNorm1d(2)
    with pytest.raises(ValueError, match='expected 2D or 3D'), naming_norms(norm):
        norm(torch.zeros(2, 2, 1, 1))
    with pytest.raises(ValueError, match='^more than 1 value per channel$'), naming_norms(norm):
        raise ValueError('more than 1 value per channel')
    with pytest.raises(DataError, match=r'model received an input of size .*1, 2'):
        with naming_norms(norm):
            norm(torch.zeros(1, 2))
