"""Data sets and loaders of MMEngine with the remedies: errors that say where."""

import pytest
from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset, Compose, ConcatDataset
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.compat.annotations import DataError, EmptyDataError, SampleError


class Files(BaseDataset):
    def __init__(self, names=('a.png', 'b.png'), fault=None, **kwargs):
        self.names, self.fault = names, fault
        super().__init__(**kwargs)

    def load_data_list(self):
        if self.fault is not None:
            raise self.fault
        return [dict(img_path=name, seg_map_path=f'{name}.map') for name in self.names]


def failing(data):
    data['img_path'] = 'changed'
    raise OSError('no such codec')


@pytest.fixture(autouse=True)
def _remedies():
    compat.apply()


def test_remedies_are_applied_once():
    before = vars(BaseDataset)['__init__'], vars(Runner)['build_dataloader'], Compose.__call__
    compat.apply()
    assert before == (
        vars(BaseDataset)['__init__'],
        vars(Runner)['build_dataloader'],
        Compose.__call__,
    )


def test_a_sample_is_named_by_its_index_and_files(tmp_path):
    (tmp_path / 'b.png').write_bytes(b'123')
    data = Files(names=('a.png', str(tmp_path / 'b.png')), pipeline=[failing])
    with pytest.raises(SampleError) as error:
        data[1]
    text = str(error.value)
    assert f"sample 1 of a data set cannot be read, '{tmp_path}/b.png' (3 bytes)" in text
    assert "b.png.map' (no such file): OSError: no such codec" in text
    assert isinstance(error.value.__cause__, OSError)


def test_an_error_of_several_lines_is_one_message(tmp_path):
    file = tmp_path / 'a.png'
    file.write_bytes(b'')
    for transform in (LoadImageFromFile(), LoadImageFromFile(imdecode_backend='pillow')):
        with pytest.raises(SampleError, match=r'\(0 bytes\)') as error:
            Files(names=(str(file),), pipeline=[transform])[0]
        assert '\n' not in str(error.value)


def test_pipelines_outside_of_data_sets_are_left_alone():
    with pytest.raises(OSError, match='no such codec'):
        Compose([failing])(dict(img_path='a.png'))


def test_nothing_to_read():
    with pytest.raises(EmptyDataError, match="Files found no sample in 'x.txt'"):
        Files(names=(), ann_file='x.txt')
    with pytest.raises(EmptyDataError, match='Files found no sample'):
        Files(names=(), lazy_init=True).full_init()


@pytest.mark.parametrize(
    ('metainfo', 'told'),
    [
        (dict(classes=('a', 'c')), "'classes' of datasets.0 (Files, 'x.txt') is ('a', 'b')"),
        (dict(classes=['a', 'b']), "that of datasets.1 (Files, 'y.txt') is ['a', 'b']. Give both"),
        (dict(), "that of datasets.1 (Files, 'y.txt') is missing. Give both the same metainfo.cl"),
    ],
)
def test_parts_that_differ_are_named(metainfo, told):
    parts = [
        Files(ann_file='x.txt', metainfo=dict(classes=('a', 'b'), year=1)),
        Files(ann_file='y.txt', metainfo=dict(metainfo, year=2)),
    ]
    with pytest.raises(DataError) as error:
        ConcatDataset(parts, ignore_keys='year')
    assert told in str(error.value) and "ignore_keys=['classes']" in str(error.value)
    assert len(ConcatDataset(parts, ignore_keys=['year', 'classes'])) == 4
    with pytest.raises(TypeError, match='ignore_keys should be a list'):
        ConcatDataset(parts, ignore_keys=3)


def test_what_cannot_be_parsed_is_named():
    with pytest.raises(DataError, match="cannot read its annotations from 'x.txt': KeyError: 'k'"):
        Files(ann_file='x.txt', fault=KeyError('k'))
    with pytest.raises(FileNotFoundError):  # says which file
        Files(fault=FileNotFoundError('x.txt'))
    with pytest.raises(TypeError, match='unexpected'):  # an argument, not an annotation
        Files(unknown=1)


@pytest.mark.parametrize('option', [dict(persistent_workers=True), dict(prefetch_factor=2)])
def test_options_of_workers_without_workers(option):
    config = dict(dataset=dict(type=Files), sampler=dict(type='DefaultSampler'), batch_size=2)
    loader = Runner.build_dataloader(dict(config, num_workers=0, **option))
    assert loader.num_workers == 0 and not loader.persistent_workers
    with_workers = Runner.build_dataloader(dict(config, num_workers=1, persistent_workers=True))
    assert with_workers.persistent_workers
