"""Made data for pose estimation: each shape of a scene is a "person" in the layout of MPII."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from mmtransfer.toy.scenes import Scene, Shape

SPLITS = ('train', 'val', 'test')
JOINTS = 16
# Of MPII's joints those that a shape has. Left and right are the person's, who looks at us.
PELVIS, NECK, HEAD_TOP, RIGHT_WRIST, LEFT_WRIST = 6, 8, 9, 10, 15
HEAD = 0.3  # side of the head box, relative to the longer side of the shape's box


def write_mpii(root: Path, split: str, scenes: Sequence[Scene]) -> None:
    """Write images, ``annotations/mpii_<split>.json`` and ``annotations/mpii_gt_<split>.mat``.

    A shape's centre is the neck; its upper, left, right and lower extremes are the top of the head,
    the wrists and the pelvis. The other joints are marked as not labelled. (MPII's own measure
    leaves the pelvis out.) Coordinates count from 1, as MPII's do. The same scenes give the same
    bytes.

    Args:
        root: Folder of the data set; ``images/`` and ``annotations/`` are made in it.
        split: ``'train'``, ``'val'`` or ``'test'``; the names of images are numbers that begin with
            its own, because mmpose's reader takes them for numbers.
        scenes: What to write.

    Raises:
        ValueError: Another split.
    """
    if split not in SPLITS:
        raise ValueError(f'split must be one of {", ".join(SPLITS)}; received {split!r}.')
    (root / 'images').mkdir(parents=True, exist_ok=True)
    (root / 'annotations').mkdir(parents=True, exist_ok=True)
    people: list[dict] = []
    heads: list[np.ndarray] = []
    for number, scene in enumerate(scenes):
        name = f'{SPLITS.index(split) + 1}{number:05d}.png'
        cv2.imwrite(str(root / 'images' / name), scene.image[:, :, ::-1])
        people += [_person(shape, name) for shape in scene.shapes]
        heads += [_head_box(shape) for shape in scene.shapes]
    _write(root / f'annotations/mpii_{split}.json', json.dumps(people).encode())
    boxes = np.stack(heads, -1) if heads else np.zeros((2, 2, 0))
    _write(root / f'annotations/mpii_gt_{split}.mat', _mat(headboxes_src=boxes))


def joints_of(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """MPII's joints of a shape.

    Returns:
        (16, 2) points x, y in pixels from 0; (16,) whether each is labelled, 0 or 1.
    """
    x, y = shape.outline.T
    points, labelled = np.zeros((JOINTS, 2)), np.zeros(JOINTS, int)
    found = {
        NECK: shape.joints[0],
        HEAD_TOP: shape.outline[y.argmin()],
        PELVIS: shape.outline[y.argmax()],
        RIGHT_WRIST: shape.outline[x.argmin()],
        LEFT_WRIST: shape.outline[x.argmax()],
    }
    for joint, point in found.items():
        points[joint], labelled[joint] = point, 1
    return points, labelled


def _person(shape: Shape, image: str) -> dict:
    left, top, width, height = shape.box
    points, labelled = joints_of(shape)
    side = max(width, height)
    # mmpose takes `scale` x 200 pixels, moves the centre down by 15 x scale and subtracts 1.
    scale = side / 200
    centre = (left + width / 2 + 1, top + height / 2 + 1 - 15 * scale)
    joints = np.where(labelled[:, None] == 1, points + 1, 0)
    return dict(
        image=image,
        center=[round(float(v), 3) for v in centre],
        scale=round(scale, 5),
        joints=[[round(float(v), 3) for v in point] for point in joints],
        joints_vis=labelled.tolist(),
    )


def _head_box(shape: Shape) -> np.ndarray:
    """(2, 2): upper left and lower right corner, each x, y from 1."""
    half = HEAD * max(shape.box[2:]) / 2
    centre = shape.joints[0] + 1
    return np.round(np.stack([centre - half, centre + half]), 3)


def _mat(**arrays: np.ndarray) -> bytes:
    """A MATLAB file without the date that SciPy writes into its first 116 bytes."""
    buffer = io.BytesIO()
    savemat(buffer, arrays)
    return b'MATLAB 5.0 MAT-file'.ljust(116) + buffer.getvalue()[116:]


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + '.tmp')
    temporary.write_bytes(content)
    temporary.replace(path)  # so that a file that is there is whole
