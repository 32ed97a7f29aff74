import random
from importlib import import_module

import numpy as np
import pytest
import torch
from mmengine.dataset import InfiniteSampler
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import BatchSampler

from mmtransfer.data.loaders import EndlessSamplerError, build_loader, forget_leftovers
from mmtransfer.registry import DATASETS
from tests.engine.tiny import loader as loader_config


class Sizes:
    """Images of varying shape; remembers which were read."""

    def __init__(self, number=11):
        self.number = number
        self.read = []

    def __len__(self):
        return self.number

    def get_data_info(self, index):
        return dict(width=10, height=20 if index % 3 else 5)

    def __getitem__(self, index):
        self.read.append(index)
        return (index, float(np.random.rand()))


def config(**kwargs):
    return dict(
        batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True), **kwargs
    )


ASPECT = dict(type='mmdet.AspectRatioBatchSampler')


@pytest.mark.parametrize('batch_sampler', [None, ASPECT])
def test_starting_in_the_middle_reads_only_what_is_left(batch_sampler):
    if batch_sampler:
        import_module('mmdet.datasets.samplers')
        config_ = config(batch_sampler=batch_sampler)
    else:
        config_ = config()
    data = Sizes()
    loader = build_loader(config_, data, seed=3)
    loader.start_at(2, 0)
    whole = list(loader)
    assert len(whole) == len(loader) == 6
    assert sorted(data.read) == list(range(11))
    next(iter(loader))  # an abandoned pass leaves nothing behind
    data.read.clear()
    loader.start_at(2, 4)
    assert list(loader) == whole[4:] and len(data.read) == sum(len(b[0]) for b in whole[4:])
    assert list(loader) == whole  # the start holds for one pass
    loader.start_at(3, 0)
    assert list(loader) != whole


def test_workers_read_the_same_numbers_and_nothing_global_is_drawn():
    seen = []
    for workers in (0, 2):
        data = DATASETS.build(dict(type='mmtransfer.TinyImages', number=6))
        loader = build_loader(loader_config(workers=workers, batch_size=2), data, seed=1)
        states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
        for batch in (0, 2):  # the second pass starts in the middle, with workers that live on
            loader.start_at(1, batch)
            seen.append([b['inputs'] for b in loader])
        assert states[0] == random.getstate() and states[1] == np.random.get_state()[1].tolist()
        assert torch.equal(states[2], torch.get_rng_state())
    for a, b in zip(seen[0] + seen[1], seen[2] + seen[3], strict=True):
        assert torch.equal(a, b)
    assert torch.equal(seen[0][2], seen[1][0])


def test_a_sampler_without_end_is_refused_by_what_it_does():
    class Forever(torch.utils.data.Sampler):
        def __init__(self, dataset, seed=None):
            self.dataset = dataset

        def __len__(self):
            return len(self.dataset)

        def __iter__(self):
            while True:
                yield 0

    DATA_SAMPLERS.register_module(name='ForeverForTest', module=Forever, force=True)
    for name in ('InfiniteSampler', 'ForeverForTest'):
        with pytest.raises(EndlessSamplerError, match='DefaultSampler'):
            build_loader(dict(config(), sampler=dict(type=name)), Sizes(), seed=0)


def test_a_start_outside_the_epoch_and_a_short_pass_are_errors():
    loader = build_loader(config(), Sizes(), seed=0)
    with pytest.raises(ValueError, match='0 to 6; received 7'):
        loader.start_at(0, 7)
    loader.batch_sampler.batches.sampler.num_samples = 20  # announces more than it gives
    with pytest.raises(ValueError, match='drop_last=False'):
        list(loader)


@pytest.mark.parametrize(
    'dropping',
    [
        dict(batch_sampler=dict(ASPECT, drop_last=True)),
        dict(batch_sampler=ASPECT, drop_last=True),
    ],
)
def test_batches_of_equal_aspect_ratio_drop_nothing(dropping):
    """They would announce a batch that they drop; it is said before anything is read."""
    import_module('mmdet.datasets.samplers')
    data = Sizes()
    with pytest.raises(ValueError, match='AspectRatioBatchSampler, .*batch_sampler.drop_last=Fal'):
        build_loader(config(**dropping), data, seed=0)
    assert not data.read


def test_the_data_is_not_copied():
    data = Sizes()
    assert build_loader(config(), data, seed=0).dataset.dataset is data


def test_ranks_share_the_data(monkeypatch):
    seen = []
    for rank in (0, 1):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 2))
        data = Sizes(12)
        seen.append({int(i) for b in build_loader(config(), data, seed=0) for i in b[0]})
    assert len(seen[0]) == len(seen[1]) == 6 and not seen[0] & seen[1]


def test_an_endless_sampler_goes_on_after_an_abandoned_pass():
    sampler = InfiniteSampler(range(4), shuffle=False, seed=0)
    batches = BatchSampler(sampler, 2, drop_last=False)
    assert next(iter(batches)) == [0, 1]
    assert list(batches) == []  # why it is needed
    forget_leftovers(batches)
    assert next(iter(batches)) == [0, 1]
