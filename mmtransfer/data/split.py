"""Two disjoint parts of a training set: one for the weights, one for the architecture."""

import copy
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.registry import DATASETS
from torch.utils.data import Dataset

from mmtransfer.compat.annotations import EmptyDataError
from mmtransfer.randomness import draw_seed

# By what an image belongs to a part; a checkpoint notes it.
SPLIT_RULE = 'names'


class SplitError(ValueError):
    """A split that leaves a part empty, or whose parts share a sample."""


def split_dataset(cfg: dict, arch: float | Mapping, seed: int) -> tuple[Any, Any]:
    """Build a dataset and give the weights one part of it, the architecture the other.

    The innermost dataset is cut after its own filtering, so whatever stands around it (repeats,
    mixes, a retry after an unreadable image) can only reach samples of its part. To which part an
    image belongs follows from the seed and from its name below the data's folders: neither the
    order in which files are listed nor where the data lies on this machine matters.

    Args:
        cfg: Config of the dataset, wrappers included.
        arch: Share of the images for architecture steps, in (0, 1), met to the nearest image; or
            the config of a dataset of their own, which shares no image with the other.
        seed: Decides which images.

    Returns:
        The dataset of the weight steps and that of the architecture steps. When a share is given
        their samples are in the order of the images' names.

    Raises:
        SplitError: A part would be empty, or the parts overlap.
    """
    if isinstance(arch, Mapping):
        weights, archs = _whole(cfg, 'weights'), _whole(arch, 'architecture')
        check_disjoint(weights, archs)
        return weights, archs
    if not 0 < arch < 1:
        raise SplitError(f'split.arch must lie between 0 and 1, both excluded; received {arch}.')
    fates: dict[str, bool] = {}
    return _build(cfg, lambda dataset: _cut(dataset, arch, seed, fates))


def describe_other_split(state: Mapping[str, Any], split: Mapping | None) -> str:
    """What is to be known of a resumed search whose parts were made by another rule; or nothing.

    Args:
        state: What the checkpoint says of the search.
        split: Of the config; data sets that it names are not split by any rule.
    """
    if state.get('split') == SPLIT_RULE or isinstance((split or {}).get('arch'), Mapping):
        return ''
    return (
        'the checkpoint was written when the order of the files decided to which part of the '
        'split an image belongs; from here on its name does. So the weights have learned from '
        'images that are now held out. Start the search again, unless that does not matter.'
    )


def _whole(cfg: Mapping, part: str) -> Any:
    """A dataset as its config has it, with at least one sample."""
    try:
        dataset = DATASETS.build(dict(cfg))
    except EmptyDataError as error:
        raise SplitError(
            f'both parts of the split must hold samples; the dataset for the {part} is empty: '
            f'{error}'
        ) from None
    return dataset


def _build(cfg: Mapping, cut: Callable[[Any], tuple[Any, Any]]) -> tuple[Any, Any]:
    """The parts that ``cut`` makes of the innermost datasets, each within wrappers of its own."""
    cfg = dict(copy.deepcopy(cfg))
    key = next((k for k in ('dataset', 'datasets') if k in cfg), None)
    if key is None:
        return cut(_built(cfg))
    inner, scope = cfg.pop(key), {k: cfg[k] for k in ('_scope_',) if k in cfg}
    many = isinstance(inner, (list, tuple))
    pairs = [_build({**scope, **i}, cut) for i in (inner if many else [inner])]

    def around(parts: Sequence[Any]) -> Any:
        # Wrappers take configs of any dataset, but objects of the innermost kind only.
        wrapped = [dict(type=_given, dataset=part) for part in parts]
        return _built({**copy.deepcopy(cfg), key: wrapped if many else wrapped[0]})

    weights, archs = map(around, zip(*pairs, strict=True))
    return weights, archs


def _built(cfg: Mapping) -> Any:
    dataset = DATASETS.build(dict(cfg))
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    return dataset


def _cut(dataset: Any, arch: float, seed: int, fates: dict[str, bool]) -> tuple[Any, Any]:
    """Both parts of an innermost dataset; all samples of an image stay together.

    ``fates`` (image -> whether it is for the architecture) carries what is decided from one
    innermost dataset to the next, so an image that is in two of them has one fate.
    """
    if not hasattr(dataset, 'get_subset_'):
        raise SplitError(
            f"a dataset must be one of MMEngine's (with get_subset_) to be split; received "
            f'{type(dataset).__name__}.'
        )
    images = list(_images(dataset))
    new = {image for image in images if image.path not in fates}
    drawn = sorted(new, key=lambda image: (draw_seed(seed, f'split/{image.name}'), image))
    count = round(len(drawn) * arch)
    fates.update({image.path: place < count for place, image in enumerate(drawn)})
    ordered = sorted(range(len(images)), key=images.__getitem__)
    archs = [i for i in ordered if fates[images[i].path]]
    weights = [i for i in ordered if not fates[images[i].path]]
    if not archs or not weights:
        raise SplitError(
            f'both parts of the split must hold samples; {len(images)} samples of '
            f'{len(set(images))} images split at arch={arch} leave {len(weights)} for the weights '
            f'and {len(archs)} for the architecture. Use another share or more data.'
        )
    other = _twin(dataset)
    dataset.get_subset_(weights)
    other.get_subset_(archs)
    return dataset, other


def _twin(dataset: Any) -> Any:
    """A copy with a pipeline of its own; the annotations, which nobody changes, are shared.

    MMEngine's ``get_subset`` gives all copies of a dataset one and the same pipeline: its memo of
    what it has copied outlives the call.
    """
    shared = ('data_list', 'data_bytes', 'data_address', 'coco')
    kept = [getattr(dataset, name) for name in shared if hasattr(dataset, name)]
    return copy.deepcopy(dataset, {id(value): value for value in kept})


def _given(dataset: Any) -> Any:
    """The ``type`` of a config that stands for a dataset which is built already."""
    return dataset


def innermost(dataset: Any) -> Iterator[Any]:
    """The datasets at the bottom of wrappers, which hold the samples."""
    inner = getattr(dataset, 'dataset', getattr(dataset, 'datasets', None))
    if inner is None:
        yield dataset
    else:
        for one in inner if isinstance(inner, (list, tuple)) else [inner]:
            yield from innermost(one)


def check_disjoint(first: Any, second: Any) -> None:
    """Raise ``SplitError`` when two datasets share an image (its path, or its id)."""
    shared = _paths(first) & _paths(second)
    if shared:
        some = ', '.join(sorted(shared)[:3])
        raise SplitError(
            f'the parts for weights and architecture must share no image; {len(shared)} are in '
            f'both, such as {some}. Give each part annotations of its own.'
        )


class _Image(NamedTuple):
    """What tells one image from others.

    Args:
        name: The same on every machine: the path below the data's folders.
        path: The same in every dataset of this run.
    """

    name: str
    path: str


def _paths(dataset: Any) -> set[str]:
    return {image.path for part in innermost(dataset) for image in _images(part)}


def _images(dataset: Any) -> Iterator[_Image]:
    """The image of each sample, by its path, else its id, else all that is known of it."""
    roots = _roots(dataset)
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        if isinstance(info.get('img_path'), str):
            path = os.path.abspath(info['img_path'])
            root = next((r for r in roots if path.startswith(r)), None)
            yield _Image(path[len(root) :] if root else os.path.normpath(info['img_path']), path)
        elif 'img_id' in info:
            yield _Image(*[f'image {info["img_id"]}'] * 2)
        else:
            yield _Image(*[repr({k: v for k, v in info.items() if k != 'sample_idx'})] * 2)


def _roots(dataset: Any) -> list[str]:
    """The folders that a dataset is told to look in, the widest first, each with its separator."""
    prefixes = getattr(dataset, 'data_prefix', None)
    inner = list(prefixes.values()) if isinstance(prefixes, Mapping) else [prefixes]
    given = [getattr(dataset, 'data_root', None), *inner]
    return [os.path.join(os.path.abspath(g), '') for g in given if isinstance(g, str) and g]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed ``random``, NumPy and torch; afterwards they go on as if nothing had been drawn."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


class SeededSamples(Dataset):
    """A dataset whose every sample is the same whenever and wherever it is read.

    It is indexed by ``(epoch, index)``. Before a sample is read the generators of ``random``, NumPy
    and torch are seeded from (seed, epoch, index), so augmentation does not depend on how long a
    worker has lived or which worker it is; afterwards they are put back, so without workers the
    training loop's own draws do not notice. Attributes are read from the dataset and written to it.

    Args:
        dataset: Any dataset of the toolboxes.
        seed: The stream's seed.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        object.__setattr__(self, 'dataset', dataset)
        object.__setattr__(self, 'seed', seed)

    def __getitem__(self, key: tuple[int, int]) -> Any:
        epoch, index = key
        with seeded(draw_seed(self.seed, 'sample', epoch, index)):
            return self.dataset[index]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        # `dataset` is not yet set while a worker unpickles this; torch's optional protocols
        # (`__getitems__`) would reach the dataset with our keys.
        if name == 'dataset' or name.startswith('__'):
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # What hooks exchange (the pipeline) must reach what is read, or it would change nothing.
        if name in vars(self):
            object.__setattr__(self, name, value)
        elif hasattr(self.dataset, name):
            setattr(self.dataset, name, value)
        else:
            raise AttributeError(
                f'only what a data set has can be exchanged while it is read; '
                f'{type(self.dataset).__name__} has no {name!r}.'
            )
