import random
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.dataset import BaseDataset

from mmtransfer import compat
from mmtransfer.data.split import (
    SPLIT_RULE,
    SeededSamples,
    SplitError,
    check_disjoint,
    describe_other_split,
    innermost,
    split_dataset,
)
from mmtransfer.registry import DATASETS


@DATASETS.register_module()
class SplitToy(BaseDataset):
    """``number`` images from ``first`` on, ``people`` samples of each; some unreadable."""

    def __init__(self, number=10, first=0, people=1, broken=(), **kwargs):
        self.made = (number, first, people)
        self.broken = broken
        super().__init__(**kwargs)

    def load_data_list(self):
        number, first, people = self.made
        return [
            dict(img_path=f'{first + i}.png', id=p, cat=i % 3)
            for i in range(number)
            for p in range(people)
        ]

    def get_cat_ids(self, idx):
        return [self.get_data_info(idx)['cat']]

    def prepare_data(self, idx):
        name = self.get_data_info(idx)['img_path']
        return None if name in self.broken else name


@DATASETS.register_module()
class Listed(BaseDataset):
    """Images of a folder, in the order in which a file system happens to list them."""

    reads = 0

    def __init__(self, names=(), **kwargs):
        self.listed = names
        super().__init__(**kwargs)

    def load_data_list(self):
        return [dict(img_path=f'{self.data_prefix["img_path"]}/{name}') for name in self.listed]

    def get_data_info(self, idx):
        type(self).reads += 1
        return super().get_data_info(idx)


def toy(**kwargs):
    return dict(type='mmtransfer.SplitToy', **kwargs)


def images(dataset):
    return [d.get_data_info(i)['img_path'] for d in innermost(dataset) for i in range(len(d))]


@settings(max_examples=25, deadline=None)
@given(
    number=st.integers(2, 30),
    people=st.integers(1, 3),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 9),
)
def test_parts_are_disjoint_and_complete(number, people, share, seed):
    config = toy(number=number, people=people)
    cut = round(number * share)
    if cut in (0, number):
        with pytest.raises(SplitError, match='both parts of the split must hold samples'):
            split_dataset(config, share, seed)
        return
    weights, arch = split_dataset(config, share, seed)
    assert len(arch) == cut * people and len(weights) == (number - cut) * people
    assert not set(images(weights)) & set(images(arch))
    assert set(images(weights)) | set(images(arch)) == {f'{i}.png' for i in range(number)}
    again = split_dataset(config, share, seed)
    assert [images(p) for p in again] == [images(weights), images(arch)]


def wrap(name, inner):
    return {
        'repeat': dict(type='RepeatDataset', times=3, dataset=inner),
        'concat': dict(type='ConcatDataset', datasets=[inner, toy(number=6, first=5)]),
        'balanced': dict(type='ClassBalancedDataset', oversample_thr=0.9, dataset=inner),
    }[name]


@pytest.mark.parametrize(
    'wrappers',
    [['repeat'], ['concat'], ['balanced'], ['balanced', 'repeat'], ['concat', 'repeat']],
)
def test_wrappers_stand_around_the_parts(wrappers):
    """Also wrappers of wrappers, and an image that two concatenated datasets share (5 to 9)."""
    config = toy(number=10)
    for name in wrappers:
        config = wrap(name, config)
    parts = split_dataset(config, 0.5, 0)
    check_disjoint(*parts)
    read = [{part[i] for i in range(len(part))} for part in parts]
    assert not read[0] & read[1] and len(read[0] | read[1]) == (11 if 'concat' in wrappers else 10)
    if wrappers == ['repeat']:
        assert [len(p) for p in parts] == [15, 15]


def test_mosaics_draw_from_their_own_part():
    import_module('mmdet.datasets')
    config = dict(type='mmdet.MultiImageMixDataset', pipeline=[], dataset=toy())
    weights, arch = split_dataset(config, 0.3, 1)
    assert (len(weights), len(arch)) == (7, 3)
    check_disjoint(weights, arch)


def test_an_unreadable_image_is_replaced_from_its_own_part():
    broken = tuple(f'{i}.png' for i in range(0, 20, 2))
    for part in split_dataset(toy(number=20, broken=broken), 0.5, 3):
        own = set(images(part))
        assert {part[i] for i in range(len(part)) for _ in range(5)} <= own - set(broken)


def test_errors_say_what_overlaps_or_is_out_of_range():
    one, two = (DATASETS.build(toy(number=4, first=f)) for f in (0, 3))
    with pytest.raises(SplitError, match=r'1 are in both, such as .*3\.png'):
        check_disjoint(one, two)
    for share in (0, 1, -0.5):
        with pytest.raises(SplitError, match='between 0 and 1'):
            split_dataset(toy(), share, 0)


def test_a_sample_follows_from_seed_epoch_and_index_alone():
    class Noise:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return (index, random.random(), np.random.rand(), float(torch.rand(())))

    data = SeededSamples(Noise(), seed=4)
    torch.manual_seed(1)
    expected = float(torch.rand(()))
    torch.manual_seed(1)
    first = data[2, 1]
    assert float(torch.rand(())) == expected  # the process's own draws go on undisturbed
    assert data[2, 1] == first and data[3, 1] != first and data[2, 0][1:] != first[1:]
    assert SeededSamples(Noise(), seed=5)[2, 1] != first


def names_in(part):
    return [Path(path).name for path in images(part)]


@pytest.mark.parametrize('where', ['data_root', 'data_prefix'])
def test_the_part_of_an_image_follows_from_what_it_is(where, tmp_path):
    """Neither from the order of the listing, nor from where the data lies on a machine."""
    names = [f'{i}.png' for i in range(40)]
    found = []
    for number, order in enumerate((names, names[::-1], random.Random(1).sample(names, 40))):
        root = str(tmp_path / f'machine{number}')
        place = dict(data_root=root, data_prefix=dict(img_path='images'))
        if where == 'data_prefix':
            place = dict(data_prefix=dict(img_path=f'{root}/images'))
        parts = split_dataset(dict(type='mmtransfer.Listed', names=order, **place), 0.3, 5)
        found.append([names_in(part) for part in parts])
    assert found[0] == found[1] == found[2]
    assert [len(part) for part in found[0]] == [28, 12]
    assert found[0] != [names[12:], names[:12]]
    other = split_dataset(dict(type='mmtransfer.Listed', names=names, **place), 0.3, 6)
    assert names_in(other[1]) != found[0][1]


def test_other_images_change_the_part_of_few():
    """It is a rank by what each image is, so most keep their part when images are added."""
    before, after = (
        set(images(split_dataset(toy(number=n), 0.5, 0)[1])) for n in (100, 110)
    )  # fmt: skip
    assert len(before) == 50 and len(after) == 55 and len(before - after) <= 5


def test_a_search_from_before_the_rule_is_told():
    assert describe_other_split(dict(split=SPLIT_RULE), dict(arch=0.5)) == ''
    assert describe_other_split({}, dict(arch=toy())) == ''
    for split in (dict(arch=0.5), None):
        assert 'weights have learned from images that are now held out' in describe_other_split(
            {}, split
        )


def test_every_record_is_read_once():
    Listed.reads = 0
    config = dict(type='mmtransfer.Listed', names=[f'{i}.png' for i in range(30)])
    split_dataset(dict(type='RepeatDataset', times=2, dataset=config), 0.5, 0)
    assert Listed.reads == 30


def test_the_parts_share_no_transform():
    parts = split_dataset(toy(pipeline=[dict(type='mmtransfer.PackImage')]), 0.5, 0)
    first, second = (part.pipeline.transforms for part in parts)
    assert first is not second and first[0] is not second[0]


def test_a_dataset_of_its_own_for_the_architecture():
    weights, arch = dict(type='mmtransfer.SplitToy'), dict(type='mmtransfer.SplitToy', first=10)
    for part, first in zip(split_dataset(weights, arch, 0), (0, 10), strict=True):
        assert [part.get_data_info(i)['img_path'] for i in range(10)] == [
            f'{first + i}.png' for i in range(10)
        ]
    with pytest.raises(SplitError, match='10 are in both'):
        split_dataset(weights, weights, 0)
    compat.apply()
    with pytest.raises(SplitError, match='the architecture is empty: SplitToy found no sample'):
        split_dataset(weights, dict(type='mmtransfer.SplitToy', number=0), 0)
