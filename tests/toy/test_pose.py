import json

import numpy as np
import pytest
from scipy.io import loadmat

from mmtransfer.toy.pose import HEAD, joints_of, write_mpii
from mmtransfer.toy.scenes import Scene, Shape, draw_scene


@pytest.fixture(scope='module')
def scenes():
    return [draw_scene(0, 'val', i) for i in range(4)]


def diamond():
    outline = np.array([[50.0, 20], [70, 40], [50, 60], [30, 40]])
    return Shape(1, outline, np.concatenate([[[50, 40]], outline]), (255, 0, 0))


def test_the_joints_of_a_shape():
    points, labelled = joints_of(diamond())
    expected = {6: (50, 60), 8: (50, 40), 9: (50, 20), 10: (30, 40), 15: (70, 40)}
    assert {j: tuple(points[j]) for j in np.flatnonzero(labelled)} == expected


def test_a_mirrored_shape_has_mirrored_joints():
    """What a random flip makes of the labels is what they would be in the mirrored image."""
    shape = draw_scene(0, 'train', 1).shapes[0]
    mirror = np.array([-1, 1])
    mirrored = Shape(shape.label, shape.outline * mirror, shape.joints * mirror, shape.colour)
    points, labelled = joints_of(shape)
    swap = list(range(16))
    swap[10], swap[15] = 15, 10
    np.testing.assert_array_equal(joints_of(mirrored)[0], points[swap] * mirror)
    assert list(labelled[swap]) == list(labelled)


def test_the_same_scenes_give_the_same_bytes(scenes, tmp_path):
    for name in ('a', 'b'):
        write_mpii(tmp_path / name, 'val', scenes)
    one, two = (sorted((tmp_path / n).rglob('*.*')) for n in ('a', 'b'))
    assert len(one) == 6 and [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert b'Created on' not in (tmp_path / 'a/annotations/mpii_gt_val.mat').read_bytes()


def test_mmpose_reads_boxes_joints_and_heads(scenes, tmp_path):
    from mmpose.datasets import MpiiDataset

    write_mpii(tmp_path, 'val', scenes)
    data = MpiiDataset(
        data_root=str(tmp_path),
        ann_file='annotations/mpii_val.json',
        headbox_file=str(tmp_path / 'annotations/mpii_gt_val.mat'),
        data_prefix=dict(img='images/'),
        test_mode=True,
    )
    shapes = [shape for scene in scenes for shape in scene.shapes]
    assert len(data) == len(shapes)
    for i, shape in enumerate(shapes):
        info = data.get_data_info(i)
        x, y, w, h = shape.box
        side = max(w, h)
        np.testing.assert_allclose(info['bbox_center'], [[x + w / 2, y + h / 2]], atol=0.01)
        np.testing.assert_allclose(info['bbox_scale'], [[side, side]], atol=0.01)
        np.testing.assert_allclose(info['head_size'], 0.6 * np.sqrt(2) * HEAD * side, atol=0.01)
        points, labelled = joints_of(shape)
        np.testing.assert_array_equal(info['keypoints_visible'][0], labelled)
        seen = labelled == 1
        np.testing.assert_allclose(info['keypoints'][0][seen], points[seen] + 1, atol=0.01)


def test_splits_share_no_image_and_a_scene_may_be_empty(scenes, tmp_path):
    empty = Scene(scenes[0].image, ())
    write_mpii(tmp_path, 'train', [empty])
    write_mpii(tmp_path, 'test', [scenes[0]])
    assert {p.name for p in (tmp_path / 'images').iterdir()} == {'100000.png', '300000.png'}
    assert json.loads((tmp_path / 'annotations/mpii_train.json').read_text()) == []
    heads = loadmat(tmp_path / 'annotations/mpii_gt_test.mat')['headboxes_src']
    assert heads.shape == (2, 2, len(scenes[0].shapes))


def test_another_split_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one of train, val, test; received 'all'"):
        write_mpii(tmp_path, 'all', [])
