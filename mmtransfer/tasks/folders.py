"""Images in one folder per class, and how they are cut and packed for a classifier.

mmcv has the other transforms: LoadImageFromFile, Resize, CenterCrop, RandomFlip.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import BaseDataset
from mmengine.structures import BaseDataElement

from mmtransfer.registry import DATASETS, TRANSFORMS

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')


class FolderError(ValueError):
    """Folders that do not hold a classification data set."""


@DATASETS.register_module()
class ImageFolder(BaseDataset):
    """Images as ``data_root/split/CLASS/*.jpg``; the label is the class's place in sorted order.

    Args:
        data_root: The folder of the data set.
        split: The folder in it, ``'train'`` or ``'val'``; empty for ``data_root`` itself.
        ann_file: A text file in ``data_root`` that lists the images of this part, one path a line,
            relative to the folder of the split: ``CLASS/name.jpg``. A label may follow, as in
            ImageNet's lists: ``CLASS/name.jpg 3``; then the image may lie in any folder. By
            default all images.
        metainfo: May name the ``classes``; they must then be those of the folders. Needed for a
            list with labels of images that are not in class folders.
        **kwargs: As MMEngine's BaseDataset: pipeline, indices, test_mode, ...

    Raises:
        FolderError: There is no such folder or no class in it, a class has no image, a listed image
            is of no class or of another one than its label says, or ``metainfo`` names other
            classes.
    """

    def __init__(
        self,
        data_root: str = '',
        split: str = 'train',
        ann_file: str = '',
        metainfo: dict | None = None,
        **kwargs: Any,
    ) -> None:
        self.folder = Path(data_root) / split
        if not self.folder.is_dir():
            raise FolderError(
                f'data_root and split must name a folder with a folder per class; there is no '
                f"folder '{self.folder}'. Correct them, or link the data there."
            )
        named = (metainfo or {}).get('classes')
        folders = tuple(sorted(path.name for path in self.folder.iterdir() if path.is_dir()))
        if not folders and not (named and ann_file):
            raise FolderError(
                f"'{self.folder}' must hold a folder per class; it holds none. Correct data_root "
                f'and split; or, for images in one folder, give an ann_file with labels, and '
                f'metainfo.classes.'
            )
        if folders and named is not None and tuple(named) != folders:
            raise FolderError(
                f"metainfo.classes must be the folders of '{self.folder}' in sorted order: "
                f'{difference(tuple(named), folders)} Correct metainfo, or leave classes out.'
            )
        super().__init__(
            ann_file=ann_file,
            metainfo={**(metainfo or {}), 'classes': folders or tuple(named or ())},
            data_root=data_root,
            **kwargs,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry per image: ``img_path`` and ``gt_label``."""
        classes = self.metainfo['classes']
        entries = self._listed() if self.ann_file else self._all()
        data = [dict(img_path=str(path), gt_label=label) for path, label in entries]
        empty = set(range(len(classes))) - {entry['gt_label'] for entry in data}
        if empty:
            raise FolderError(
                f"every class must have an image; in '{self.ann_file or self.folder}' there is "
                f'none of {_few([classes[label] for label in sorted(empty)])}. Add images '
                f'({", ".join(SUFFIXES)}), or remove the folder.'
            )
        return data

    def _all(self) -> list[tuple[Path, int]]:
        found = (
            (path, label)
            for label, name in enumerate(self.metainfo['classes'])
            for path in (self.folder / name).iterdir()
        )
        return sorted(entry for entry in found if entry[0].suffix.lower() in SUFFIXES)

    def _listed(self) -> list[tuple[Path, int]]:
        try:
            lines = Path(self.ann_file).read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise FolderError(
                f"ann_file must be a text file with an image's path on each line; "
                f"'{self.ann_file}' cannot be read ({type(error).__name__}: {error})."
            ) from None
        return [self._entry(line.strip()) for line in lines if line.strip()]

    def _entry(self, line: str) -> tuple[Path, int]:
        """Path and label of a line: ``CLASS/name.jpg``, or ``name.jpg 3``."""
        classes, (name, given) = self.metainfo['classes'], _parsed(line)
        folder = Path(name).parts[0]
        label = classes.index(folder) if folder in classes else given
        if label is None or not 0 <= label < len(classes):
            raise FolderError(
                f"'{self.ann_file}' must list images as CLASS/name.jpg below '{self.folder}', or "
                f'with a label from 0 to {len(classes) - 1} after the path; it has {line!r}.'
            )
        if given not in (None, label):
            raise FolderError(
                f"labels in '{self.ann_file}' must be places in metainfo.classes, the sorted "
                f'folders; it has {line!r}, and {folder!r} has the label {label}. Correct the '
                f'list, or leave the labels out.'
            )
        return self.folder / name, label


def _parsed(line: str) -> tuple[str, int | None]:
    """Path and label of a line; a name may hold spaces, and a number at its end is a label only
    behind a whole file name."""
    name, *last = line.rsplit(maxsplit=1)
    if last and last[0].isdecimal() and Path(name).suffix.lower() in SUFFIXES:
        return name, int(last[0])
    return line, None


def difference(received: Sequence[str], expected: Sequence[str]) -> str:
    """What two lists of classes do not share, as a sentence."""
    faults = [
        f'{what} {_few(sorted(names))}'
        for what, names in (
            ('missing:', set(expected) - set(received)),
            ('unknown:', set(received) - set(expected)),
        )
        if names
    ]
    return f'{"; ".join(faults) or "their order differs"}.'


def _few(names: Sequence[str]) -> str:
    more = f' and {len(names) - 5} more' if len(names) > 5 else ''
    return ', '.join(map(repr, names[:5])) + more


@TRANSFORMS.register_module()
class RandomResizedCrop(BaseTransform):
    """Cut out a random part of the image and resize it.

    Area and aspect ratio (log-uniform) are drawn, then the place. After ten draws that do not fit
    into the image the largest central part within the ratios is taken.

    Args:
        size: Height and width of the result in pixels.
        area: Range of the part's share of the image's area, within (0, 1].
        ratio: Range of the part's width over its height.
        interpolation: As mmcv's.
    """

    def __init__(
        self,
        size: int,
        area: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: str = 'bilinear',
    ) -> None:
        if size < 1 or not 0 < area[0] <= area[1] <= 1 or not 0 < ratio[0] <= ratio[1]:
            raise ValueError(
                f'size must be at least 1, area a range within (0, 1] and ratio a range of numbers '
                f'above 0; received size={size}, area={tuple(area)}, ratio={tuple(ratio)}.'
            )
        self.size = size
        self.area = tuple(area)
        self.ratio = tuple(ratio)
        self.interpolation = interpolation

    def transform(self, results: dict) -> dict:
        """Replace ``img`` and ``img_shape``."""
        top, left, height, width = self.draw(*results['img'].shape[:2])
        part = results['img'][top : top + height, left : left + width]
        results['img'] = mmcv.imresize(
            part, (self.size, self.size), interpolation=self.interpolation
        )
        results['img_shape'] = results['img'].shape[:2]
        return results

    def draw(self, height: int, width: int) -> tuple[int, int, int, int]:
        """(top, left, height, width) of a part of an image of this height and width."""
        low, high = map(math.log, self.ratio)
        for _ in range(10):
            area = np.random.uniform(self.area[0], self.area[1]) * height * width
            ratio = math.exp(np.random.uniform(low, high))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                top = int(np.random.randint(0, height - h + 1))
                return top, int(np.random.randint(0, width - w + 1)), h, w
        w = max(1, min(width, round(height * self.ratio[1])))
        h = max(1, min(height, round(width / self.ratio[0])))
        return (height - h) // 2, (width - w) // 2, h, w


@TRANSFORMS.register_module()
class ResizeShorterSide(BaseTransform):
    """Resize so that the shorter side has this length; the aspect ratio stays.

    Args:
        length: In pixels.
        interpolation: As mmcv's.
    """

    def __init__(self, length: int, interpolation: str = 'bilinear') -> None:
        if length < 1:
            raise ValueError(f'length must be at least 1; received {length}.')
        self.length = length
        self.interpolation = interpolation

    def transform(self, results: dict) -> dict:
        """Replace ``img`` and ``img_shape``."""
        height, width = results['img'].shape[:2]
        scale = self.length / min(height, width)
        size = (round(width * scale), round(height * scale))
        results['img'] = mmcv.imresize(results['img'], size, interpolation=self.interpolation)
        results['img_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module()
class PackImage(BaseTransform):
    """The image as a uint8 tensor (C, H, W), and a data element with ``gt_label``.

    Args:
        meta_keys: What else the data element is to know.
    """

    def __init__(self, meta_keys: Sequence[str] = ('img_path', 'ori_shape', 'img_shape')) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """To ``inputs`` and ``data_samples``."""
        image = np.atleast_3d(results['img'])  # grey ones come without their channel
        pixels = np.ascontiguousarray(image.transpose(2, 0, 1))
        sample = BaseDataElement(
            metainfo={key: results[key] for key in self.meta_keys if key in results}
        )
        if 'gt_label' in results:
            sample.set_field(results['gt_label'], 'gt_label')
        return dict(inputs=torch.from_numpy(pixels), data_samples=sample)
