"""The data of a search: the whole set, or the two parts of a split."""

import pytest
import torch

from mmtransfer import compat
from mmtransfer.data.search_data import SearchData
from tests.engine.tiny import loader


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()


def labels(batches):
    return [batch['label'].tolist() for batch in batches]


def test_nothing_is_held_out():
    data = SearchData(loader(number=16), seed=0, held_out=None)
    assert data.held_out is None and len(data.training) == 4
    assert sorted(sum(labels(data.training), [])) == [0] * 8 + [1] * 8
    data.follow_exchange()  # nobody to follow


def test_held_out_batches_are_an_endless_sequence():
    """By number, also from the middle of a pass; another seed of the run gives other ones."""
    data = SearchData(loader(number=16), seed=0, held_out=0.5)
    assert len(data.training) == len(data.held_out) == 2
    batches = [data.held_out_batch(number)['inputs'] for number in range(5)]
    again = SearchData(loader(number=16), seed=0, held_out=0.5)
    for number in (3, 4):
        assert torch.equal(again.held_out_batch(number)['inputs'], batches[number])
    assert not torch.equal(batches[0], batches[2])
    data.reseed(1)
    assert not torch.equal(data.held_out_batch(0)['inputs'], batches[0])
