import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmtransfer.toy.scenes import draw_scene
from mmtransfer.toy.segmentation import SEGMENTATION_CLASSES, label_map, write_cityscapes

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize('number', range(5))
def test_labels_cover_what_the_shapes_cover(number):
    scene = draw_scene(0, 'train', number)
    labels = label_map(scene)
    assert labels.shape == scene.image.shape[:2] and labels.dtype == np.uint8
    assert set(np.unique(labels)) == {0} | {s.label + 1 for s in scene.shapes}
    assert labels.max() < len(SEGMENTATION_CLASSES)
    outside = labels.copy()
    for shape in scene.shapes:
        x, y = shape.joints[0].round().astype(int)
        assert labels[y, x] == shape.label + 1
        left, top, width, height = shape.box
        rows, columns = (
            slice(int(top), int(top + height) + 2),
            slice(int(left), int(left + width) + 2),
        )
        # Filling a polygon adds about half a pixel all around.
        perimeter = np.linalg.norm(shape.outline - np.roll(shape.outline, 1, 0), axis=1).sum()
        pixels = (labels[rows, columns] == shape.label + 1).sum()
        assert abs(pixels - shape.area) <= perimeter
        outside[rows, columns] = 0
    assert not outside.any()


def test_the_files_lie_as_in_cityscapes(tmp_path):
    scenes = [draw_scene(1, 'val', i, (64, 96)) for i in range(2)]
    write_cityscapes(tmp_path, 'val', scenes)
    for number, scene in enumerate(scenes):
        name = f'val/toy/val_{number:05d}'
        image = cv2.imread(str(tmp_path / f'leftImg8bit/{name}_leftImg8bit.png'))
        assert np.array_equal(image[:, :, ::-1], scene.image)
        path = tmp_path / f'gtFine/{name}_gtFine_labelTrainIds.png'
        assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), label_map(scene))
    assert len(list(tmp_path.rglob('*.png'))) == 4


def test_the_tool_writes_the_layout(tmp_path):
    command = [sys.executable, str(ROOT / 'tools/make_toy_data.py'), str(tmp_path)]
    sizes = ['--train', '3', '--val', '2', '--test', '1', '--size', '64', '64']
    subprocess.run([*command, '--layout', 'cityscapes', *sizes], check=True, capture_output=True)
    for split, number in (('train', 3), ('val', 2), ('test', 1)):
        for kind in ('leftImg8bit', 'gtFine'):
            assert len(list((tmp_path / kind / split / 'toy').glob('*.png'))) == number
