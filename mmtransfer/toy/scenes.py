"""Made data: scenes of shapes of strongly different sizes, drawn from a seed.

A ``Scene`` is a value that knows nothing of files: a background and objects, each with its
class, its outline and its joints. A writer turns scenes into what a toolbox reads;
``write_coco`` is the first. The same seed gives the same bytes.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

CLASSES = ('disc', 'square', 'triangle')
_SMALLEST, _LARGEST = 6.0, 60.0  # radius in pixels of an image of 160: areas differ by 100 and more


@dataclass(frozen=True)
class Shape:
    """One object.

    Args:
        label: Index into ``CLASSES``.
        outline: (N, 2) points x, y in pixels, closed.
        joints: (K, 2) points x, y: the centre, then the corners (four compass points of a disc).
        colour: RGB, 0 to 255.
    """

    label: int
    outline: np.ndarray
    joints: np.ndarray
    colour: tuple[int, int, int]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x, y, width, height in pixels."""
        low, high = self.outline.min(0), self.outline.max(0)
        return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])

    @property
    def area(self) -> float:
        """Pixels inside the outline (shoelace formula)."""
        x, y = self.outline.T
        return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


@dataclass(frozen=True)
class Scene:
    """A background and the shapes on it, the later ones in front.

    Args:
        image: (H, W, 3) RGB, 8 bit, everything drawn.
        shapes: What is to be found.
    """

    image: np.ndarray
    shapes: tuple[Shape, ...]


def draw_scene(seed: int, split: str, number: int, size: tuple[int, int] = (160, 160)) -> Scene:
    """Scene ``number`` of a split; it depends on these arguments alone.

    Args:
        seed: Of the data set.
        split: Its name; splits share no scene.
        number: Index in the split.
        size: (H, W) in pixels.
    """
    rng = np.random.default_rng([seed, *split.encode(), number])
    image = _background(rng, size)
    _draw_distractors(rng, image)
    shapes: list[Shape] = []
    for _ in range(int(rng.integers(2, 7))):
        shape = _place(rng, size, shapes)
        if shape is not None:
            shapes.append(shape)
            _fill(image, shape)
    noise = rng.normal(0, 8, image.shape)
    return Scene(np.clip(image + noise, 0, 255).astype(np.uint8), tuple(shapes))


def write_coco(root: Path, split: str, scenes: Sequence[Scene]) -> None:
    """Write images and ``annotations/<split>.json`` as COCO has them.

    Args:
        root: Folder of the data set; ``images/`` and ``annotations/`` are made in it.
        split: Name of the split, part of the file names.
        scenes: What to write.
    """
    (root / 'images').mkdir(parents=True, exist_ok=True)
    (root / 'annotations').mkdir(parents=True, exist_ok=True)
    images: list[dict] = []
    annotations: list[dict] = []
    for number, scene in enumerate(scenes):
        name = f'{split}_{number:05d}.png'
        cv2.imwrite(str(root / 'images' / name), scene.image[:, :, ::-1])
        height, width = scene.image.shape[:2]
        images.append(dict(id=number, file_name=name, height=height, width=width))
        for shape in scene.shapes:
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=number,
                    category_id=shape.label + 1,
                    bbox=[round(v, 2) for v in shape.box],
                    area=round(shape.area, 2),
                    segmentation=[[round(float(v), 2) for v in shape.outline.ravel()]],
                    iscrowd=0,
                )
            )
    categories = [dict(id=i + 1, name=name) for i, name in enumerate(CLASSES)]
    content = dict(images=images, annotations=annotations, categories=categories)
    path = root / 'annotations' / f'{split}.json'
    path.with_suffix('.tmp').write_text(json.dumps(content))
    path.with_suffix('.tmp').replace(path)  # so that a file that is there is whole


def _background(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A smooth random texture around a random colour."""
    height, width = size
    coarse = rng.normal(0, 25, (height // 20 + 2, width // 20 + 2, 3)).astype(np.float32)
    texture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return (texture + rng.uniform(60, 190, 3)).astype(np.float32)


def _draw_distractors(rng: np.random.Generator, image: np.ndarray) -> None:
    """Lines that belong to nothing."""
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(2, 6))):
        ends = [(int(rng.integers(0, width)), int(rng.integers(0, height))) for _ in range(2)]
        colour = tuple(float(v) for v in rng.uniform(0, 255, 3))
        cv2.line(image, ends[0], ends[1], colour, int(rng.integers(1, 4)), cv2.LINE_AA)


def _place(
    rng: np.random.Generator, size: tuple[int, int], others: Sequence[Shape]
) -> Shape | None:
    """A shape that covers no other one's centre region, or None where there is no room."""
    height, width = size
    scale = min(size) / 160
    for _ in range(20):
        radius = scale * math.exp(rng.uniform(math.log(_SMALLEST), math.log(_LARGEST)))
        if 2 * radius >= min(size) - 2:
            continue
        x = rng.uniform(radius + 1, width - radius - 1)
        y = rng.uniform(radius + 1, height - radius - 1)
        shape = _shape(rng, int(rng.integers(len(CLASSES))), x, y, radius)
        if all(_apart(shape, other) for other in others):
            return shape
    return None


def _shape(rng: np.random.Generator, label: int, x: float, y: float, radius: float) -> Shape:
    corners = {0: 40, 1: 4, 2: 3}[label]
    turn = rng.uniform(0, 2 * math.pi)
    angles = turn + np.arange(corners) * 2 * math.pi / corners
    outline = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], 1)
    marks = outline[:: corners // 4] if label == 0 else outline
    red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
    joints = np.concatenate([[[x, y]], marks])
    return Shape(label, outline, joints, (red, green, blue))


def _apart(a: Shape, b: Shape) -> bool:
    ax, ay, aw, ah = a.box
    bx, by, bw, bh = b.box
    return ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay


def _fill(image: np.ndarray, shape: Shape) -> None:
    points = np.round(shape.outline * 8).astype(np.int32)
    colour = tuple(float(v) for v in shape.colour)
    cv2.fillPoly(image, [points], colour, cv2.LINE_AA, shift=3)
    edge = tuple(255.0 - v for v in colour)
    cv2.polylines(image, [points], True, edge, 1, cv2.LINE_AA, shift=3)
