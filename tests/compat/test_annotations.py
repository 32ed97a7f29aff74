"""What messages say of annotation files."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from mmtransfer.compat.annotations import (
    is_annotated,
    listed,
    read_categories,
    say_empty,
    say_unreadable,
)

CATEGORIES = [{'id': 7, 'name': 'disc]'}, {'id': 2, 'name': 'square', 'skeleton': [[1, 2], [2, 3]]}]


@pytest.mark.parametrize(
    'content',
    [
        dict(categories=CATEGORIES, images=[dict(id=1)]),
        dict(info=dict(description='its "categories": see below'), categories=CATEGORIES),
        dict(images=[dict(note='categories', of=['"categories"'])], categories=CATEGORIES),
    ],
)
@pytest.mark.parametrize('indent', [None, 2])
def test_categories_are_read_wherever_they_stand(content, indent, tmp_path):
    file = tmp_path / 'a.json'
    file.write_text(json.dumps(content, indent=indent))
    assert list(read_categories(file).items()) == [(7, 'disc]'), (2, 'square')]


@pytest.mark.parametrize(
    'text', ['', '{"images": []}', '{"categories": 3}', '{"categories": [{}]}']
)
def test_files_without_categories(text, tmp_path):
    (tmp_path / 'a.json').write_text(text)
    assert read_categories(tmp_path / 'a.json') == read_categories(tmp_path / 'none.json') == {}


@pytest.mark.parametrize(
    ('record', 'expected'),
    [
        (dict(instances=[]), False),
        (dict(instances=[dict(ignore_flag=1)]), False),
        (dict(instances=[dict(ignore_flag=1), dict(ignore_flag=0)]), True),
        (dict(keypoints_visible=np.zeros((1, 3))), False),
        (dict(keypoints_visible=np.array([[0, 1]])), True),
        (dict(gt_label=0), None),
    ],
)
def test_what_is_annotated(record, expected):
    assert is_annotated(record) is expected


def test_names_are_shown_as_python_writes_them():
    assert listed(['a']) == "('a',)" and listed(['a', 'b']) == "('a', 'b')" and listed([]) == '()'
    assert listed([str(i) for i in range(10)]).endswith("'7' and 2 more)")


def dataset(file='', **attributes):
    return SimpleNamespace(
        ann_file=str(file), metainfo=dict(classes=('a', 'b')), data_prefix={}, **attributes
    )


def test_why_a_data_set_is_empty(tmp_path):
    file = tmp_path / 'a.json'
    file.write_text(json.dumps(dict(images=[1, 2], annotations=[1], categories=[dict(name='c')])))
    nothing = say_empty(dataset(file), [dict(instances=[])] * 2)
    assert "0 of 2 images have annotations of the classes ('a', 'b')" in nothing
    assert f"'{file}' has 2 images, 1 annotations and the classes ('c',)" in nothing
    left_out = say_empty(dataset(file, filter_cfg=dict(min_size=9)), [dict(instances=[{}])])
    assert 'leaves out all 1 samples' in left_out and "{'min_size': 9}" in left_out
    no_file = say_empty(
        SimpleNamespace(data_prefix=dict(img_path='x/train'), img_suffix='.jpg'), []
    )
    assert "found no sample in 'x/train'" in no_file and "img_suffix='.jpg'" in no_file


def test_which_annotation_lacks_a_key(tmp_path):
    file = tmp_path / 'a.json'
    entries = [dict(id=4, area=1, bbox=[]), dict(id=9, bbox=[])]
    file.write_text(json.dumps(dict(images=[{}], annotations=entries, categories=[])))
    assert "annotations[1] (id 9) has no 'area'" in say_unreadable(dataset(file), KeyError('area'))
    assert 'IndexError: 3' in say_unreadable(dataset(file), IndexError(3))
    file.write_text(json.dumps(dict(images=[])))
    lacking = say_unreadable(dataset(file), KeyError('annotations'))
    assert "the file has no 'annotations', only ('images',)" in lacking
