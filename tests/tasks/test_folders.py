"""Folders as classes; transforms that draw from NumPy alone."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from mmtransfer.data.split import innermost, split_dataset
from mmtransfer.tasks.folders import (
    FolderError,
    ImageFolder,
    PackImage,
    RandomResizedCrop,
    ResizeShorterSide,
)


def make(root, split='train', **numbers):
    for name, number in numbers.items():
        folder = root / split / name
        folder.mkdir(parents=True)
        for i in range(number):
            Image.new('RGB', (8, 6), (i, 0, 0)).save(folder / f'{i}.png')
    return str(root)


def test_labels_are_the_sorted_folders(tmp_path):
    root = make(tmp_path, zebra=1, ant=2, cat=1)
    (tmp_path / 'train/cat/notes.txt').write_text('no image')
    data = ImageFolder(root, pipeline=[])
    assert data.metainfo['classes'] == ('ant', 'cat', 'zebra')
    paths = [data.get_data_info(i)['img_path'] for i in range(len(data))]
    labels = [data.get_data_info(i)['gt_label'] for i in range(len(data))]
    assert labels == [0, 0, 1, 2] and paths == sorted(paths)


def test_a_list_chooses_the_images(tmp_path):
    root = make(tmp_path, split='images', a=3, b=2)
    (tmp_path / 'val.txt').write_text('b/1.png\na/0.png\n\n')
    data = ImageFolder(root, split='images', ann_file='val.txt', pipeline=[])
    assert [data.get_data_info(i)['gt_label'] for i in range(2)] == [1, 0] and len(data) == 2
    (tmp_path / 'val.txt').write_text('b/1.png\n')
    with pytest.raises(FolderError, match="every class must have an image.*val.txt.*none of 'a'"):
        ImageFolder(root, split='images', ann_file='val.txt')
    (tmp_path / 'val.txt').write_text('c/1.png\n')
    with pytest.raises(FolderError, match=r"CLASS/name.jpg .*it has 'c/1.png'"):
        ImageFolder(root, split='images', ann_file='val.txt')
    with pytest.raises(FolderError, match='nowhere.txt.* cannot be read'):
        ImageFolder(root, split='images', ann_file='nowhere.txt')


def test_a_list_may_have_labels(tmp_path):
    """As those of ImageNet and mmpretrain: the path, a space, the label."""
    root = make(tmp_path, split='images', cat=2, dog=2)
    listed = tmp_path / 'val.txt'
    listed.write_text('cat/0.png 0\ndog/1.png\t1\ndog/0.png\n')
    data = ImageFolder(root, split='images', ann_file='val.txt', pipeline=[])
    assert [data.get_data_info(i)['gt_label'] for i in range(3)] == [0, 1, 1]
    assert data.get_data_info(0)['img_path'] == f'{root}/images/cat/0.png'
    listed.write_text('cat/0.png 1\ndog/1.png 0\n')
    with pytest.raises(FolderError, match=r"has 'cat/0.png 1', and 'cat' has the label 0"):
        ImageFolder(root, split='images', ann_file='val.txt')
    listed.write_text('0.png 2\n')
    with pytest.raises(FolderError, match=r"a label from 0 to 1 after the path; it has '0.png 2'"):
        ImageFolder(root, split='images', ann_file='val.txt')


def test_a_list_with_labels_needs_no_class_folders(tmp_path):
    for name in ('a 1.JPEG', 'b.JPEG'):
        (tmp_path / 'val').mkdir(exist_ok=True)
        Image.new('RGB', (8, 6)).save(tmp_path / 'val' / name)
    (tmp_path / 'val.txt').write_text('b.JPEG 0\na 1.JPEG 1\n')
    known = dict(data_root=str(tmp_path), split='val', ann_file='val.txt', pipeline=[])
    data = ImageFolder(**known, metainfo=dict(classes=['cat', 'dog']))
    found = [data.get_data_info(i) for i in range(2)]
    assert [(Path(f['img_path']).name, f['gt_label']) for f in found] == [
        ('b.JPEG', 0), ('a 1.JPEG', 1)
    ]  # fmt: skip
    assert tuple(data.metainfo['classes']) == ('cat', 'dog')
    with pytest.raises(FolderError, match='an ann_file with labels, and metainfo.classes'):
        ImageFolder(**known)


def test_bad_folders(tmp_path):
    with pytest.raises(FolderError, match=f"no folder '{tmp_path}/train'"):
        ImageFolder(str(tmp_path))
    (tmp_path / 'train').mkdir()
    with pytest.raises(FolderError, match='must hold a folder per class; it holds none'):
        ImageFolder(str(tmp_path))
    root = make(tmp_path, a=1, b=0, c=0)
    with pytest.raises(FolderError, match="every class must have an image; .* none of 'b', 'c'"):
        ImageFolder(root)
    with pytest.raises(FolderError, match="missing: 'b', 'c'; unknown: 'd'"):
        ImageFolder(root, metainfo=dict(classes=('a', 'd')))
    with pytest.raises(FolderError, match='their order differs'):
        ImageFolder(root, metainfo=dict(classes=('b', 'a', 'c')))


def test_our_split_cuts_it(tmp_path):
    cfg = dict(type='mmtransfer.ImageFolder', data_root=make(tmp_path, a=4, b=4), pipeline=[])
    with DefaultScope.overwrite_default_scope('mmengine'):
        parts = split_dataset(cfg, 0.25, seed=0)
    paths = [
        {part.get_data_info(i)['img_path'] for i in range(len(part))}
        for whole in parts
        for part in innermost(whole)
    ]
    assert [len(p) for p in paths] == [6, 2] and not paths[0] & paths[1]


@pytest.mark.parametrize('shape', [(40, 60), (60, 40), (10, 400)])
def test_random_parts_lie_within_their_ranges(shape):
    crop = RandomResizedCrop(16, area=(0.2, 0.8))
    np.random.seed(0)
    drawn = {crop.draw(*shape) for _ in range(200)}
    for top, left, height, width in drawn:
        assert 0 <= top <= shape[0] - height and 0 <= left <= shape[1] - width
        assert 0.73 <= width / height <= 1.38
        if shape != (10, 400):  # too flat for the area: the central part instead
            assert 0.18 <= height * width / (shape[0] * shape[1]) <= 0.82
    assert len(drawn) > 100 or shape == (10, 400)
    np.random.seed(0)
    again = {crop.draw(*shape) for _ in range(200)}
    assert again == drawn


def test_the_whole_image_is_a_part():
    image = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3)
    out = RandomResizedCrop(4, area=(1, 1), ratio=(1, 1))(dict(img=image.copy()))
    assert np.array_equal(out['img'], image) and out['img_shape'] == (4, 4)


@pytest.mark.parametrize('shape', [(30, 45), (45, 30)])
def test_the_shorter_side(shape):
    out = ResizeShorterSide(20)(dict(img=np.zeros((*shape, 3), np.uint8)))
    assert out['img'].shape[:2] == out['img_shape'] == tuple(s * 2 // 3 for s in shape)


def test_packing():
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    packed = PackImage()(dict(img=image, img_path='x.png', ori_shape=(2, 3), gt_label=4))
    assert packed['inputs'].shape == (3, 2, 3) and int(packed['inputs'][1, 0, 2]) == 7
    sample = packed['data_samples']
    assert sample.gt_label == 4 and sample.metainfo == dict(img_path='x.png', ori_shape=(2, 3))


def test_packing_a_grey_image():
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)  # as mmcv loads it: without a channel
    assert PackImage()(dict(img=image))['inputs'].tolist() == [image.tolist()]


@pytest.mark.parametrize(
    'build',
    [
        lambda: RandomResizedCrop(0),
        lambda: RandomResizedCrop(8, area=(0.5, 1.5)),
        lambda: RandomResizedCrop(8, ratio=(2, 1)),
        lambda: ResizeShorterSide(0),
    ],
)
def test_sizes_out_of_range(build):
    with pytest.raises(ValueError, match='must be at least 1'):
        build()
