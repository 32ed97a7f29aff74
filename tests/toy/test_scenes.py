import hashlib
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.toy.scenes import CLASSES, draw_scene, write_coco

ROOT = Path(__file__).parents[2]


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(p for p in folder.rglob('*') if p.is_file()):
        found.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return found.hexdigest()


@given(
    seed=st.integers(0, 2**32 - 1),
    number=st.integers(0, 10_000),
    size=st.tuples(st.integers(64, 200), st.integers(64, 200)),
)
@settings(max_examples=15, deadline=None)
def test_shapes_lie_in_the_image_and_apart(seed, number, size):
    scene = draw_scene(seed, 'train', number, size)
    assert scene.image.shape == (*size, 3) and scene.image.dtype == np.uint8
    cover = np.zeros(size, int)
    for shape in scene.shapes:
        x, y, w, h = shape.box
        assert 0 <= x and 0 <= y and x + w <= size[1] - 1 and y + h <= size[0] - 1
        assert 0 < shape.area <= w * h
        assert 0 <= shape.label < len(CLASSES)
        # Eight times finer: filling a polygon adds half a pixel around it, rounding up to another.
        mask = np.zeros((8 * size[0], 8 * size[1]), np.uint8)
        cv2.fillPoly(mask, [np.round(8 * shape.outline).astype(np.int32)], 1)
        perimeter = np.linalg.norm(shape.outline - np.roll(shape.outline, 1, 0), axis=1).sum()
        assert abs(mask.sum() / 64 - shape.area) <= perimeter / 8
        centre = shape.joints[0]
        assert np.allclose(centre, (x + w / 2, y + h / 2), atol=max(w, h) / 2)
        cover[int(y) + 1 : int(y + h), int(x) + 1 : int(x + w)] += 1
    assert cover.max(initial=0) <= 1


def test_a_scene_follows_from_its_arguments_alone():
    scene = draw_scene(3, 'val', 7)
    again = draw_scene(3, 'val', 7)
    assert np.array_equal(scene.image, again.image)
    others = (draw_scene(4, 'val', 7), draw_scene(3, 'train', 7), draw_scene(3, 'val', 8))
    assert all(not np.array_equal(scene.image, other.image) for other in others)


def test_areas_of_objects_span_two_orders_of_magnitude():
    shapes = [s for i in range(40) for s in draw_scene(0, 'train', i).shapes]
    areas = [shape.area for shape in shapes]
    assert max(areas) / min(areas) > 100
    counts = np.bincount([shape.label for shape in shapes], minlength=len(CLASSES))
    assert counts.min() > 0.2 * counts.sum()
    assert all(len(s.joints) == {0: 5, 1: 5, 2: 4}[s.label] for s in shapes)


def test_colour_does_not_tell_the_class():
    shapes = [s for i in range(200) for s in draw_scene(0, 'train', i).shapes]
    for label in range(len(CLASSES)):
        mean = np.mean([s.colour for s in shapes if s.label == label], axis=0)
        assert np.abs(mean - 127.5).max() < 25


def test_the_file_says_what_the_scenes_hold(tmp_path):
    scenes = [draw_scene(1, 'val', i, (96, 128)) for i in range(3)]
    write_coco(tmp_path, 'val', scenes)
    content = json.loads((tmp_path / 'annotations/val.json').read_text())
    assert [c['name'] for c in content['categories']] == list(CLASSES)
    ids = [annotation['id'] for annotation in content['annotations']]
    assert len(set(ids)) == len(ids) == sum(len(scene.shapes) for scene in scenes)
    assert 0 not in ids  # pycocotools takes 0 for "no match"
    for image, scene in zip(content['images'], scenes, strict=True):
        assert (image['height'], image['width']) == (96, 128)
        stored = cv2.imread(str(tmp_path / 'images' / image['file_name']))
        assert np.array_equal(stored[:, :, ::-1], scene.image)
        found = [a for a in content['annotations'] if a['image_id'] == image['id']]
        for annotation, shape in zip(found, scene.shapes, strict=True):
            assert annotation['category_id'] == shape.label + 1
            assert annotation['bbox'] == pytest.approx(shape.box, abs=0.01)
            outline = np.reshape(annotation['segmentation'][0], (-1, 2))
            assert np.allclose(outline, shape.outline, atol=0.01)


def test_the_tool_writes_the_same_bytes_in_two_processes(tmp_path):
    sizes = ['--train', '3', '--val', '2', '--test', '2', '--size', '64', '64']
    for name in 'ab':
        command = [sys.executable, str(ROOT / 'tools/make_toy_data.py'), str(tmp_path / name)]
        done = subprocess.run([*command, *sizes], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert digest(tmp_path / 'a') == digest(tmp_path / 'b')
    files = {p.name for p in (tmp_path / 'a/annotations').iterdir()}
    assert files == {'train.json', 'val.json', 'test.json'}
    assert len(list((tmp_path / 'a/images').iterdir())) == 7


def test_it_needs_no_torch():
    code = (
        'import sys; import mmtransfer.toy.scenes; '
        "sys.exit('torch is imported' if 'torch' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
