"""Two disjoint parts of a training set: one for the weights, one for the architecture."""

import copy
import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.registry import DATASETS
from torch.utils.data import Dataset

from mmtransfer.search.draws import draw_seed


class SplitError(ValueError):
    """A split that leaves a part empty, or whose parts share a sample."""


def split_dataset(cfg: dict, arch: float | Mapping, seed: int) -> tuple[Any, Any]:
    """Build a dataset twice and let each copy keep its part.

    The innermost dataset is cut after its own filtering, so whatever stands around it (repeats,
    mixes, a retry after an unreadable image) can only reach samples of its part.

    Args:
        cfg: Config of the dataset, wrappers included.
        arch: Share of the samples for architecture steps, in (0, 1); or the config of a dataset of
            their own, which shares no image with the other.
        seed: Decides which samples; the order of the files does not.

    Returns:
        The dataset of the weight steps and that of the architecture steps.

    Raises:
        SplitError: A part would be empty, or the parts overlap.
    """
    if isinstance(arch, Mapping):
        weights, archs = _whole(cfg, 'weights'), _whole(arch, 'architecture')
        check_disjoint(weights, archs)
        return weights, archs
    if not 0 < arch < 1:
        raise SplitError(f'split.arch must lie between 0 and 1, both excluded; received {arch}.')
    parts: dict[Any, bool] = {}
    weights = _build(cfg, lambda data: _part(data, arch, seed, parts)[0])
    archs = _build(cfg, lambda data: _part(data, arch, seed, parts)[1])
    check_disjoint(weights, archs)
    return weights, archs


def _whole(cfg: Mapping, part: str) -> Any:
    """A dataset as its config has it, with at least one sample."""
    try:
        dataset = DATASETS.build(dict(cfg))
        count = len(dataset)
    except ValueError as error:  # MMEngine's, when there is nothing to serialise
        if 'concatenate' not in str(error):
            raise
        count = 0
    if count == 0:
        raise SplitError(
            f'both parts of the split must hold samples; the dataset for the {part} is empty. '
            f'Correct its ann_file, data_prefix or filter_cfg.'
        )
    return dataset


def _part(
    dataset: Any, arch: float, seed: int, parts: dict[Any, bool]
) -> tuple[list[int], list[int]]:
    """Indices for the weights and for the architecture; all samples of an image stay together.

    ``parts`` (image -> whether it is for the architecture) carries what is decided from one
    innermost dataset to the next, so an image that is in two of them has one fate.
    """
    images = list(_images(dataset))
    new = [i for i in dict.fromkeys(images) if i not in parts]
    random.Random(draw_seed(seed, 'split', len(new))).shuffle(new)
    cut = round(len(new) * arch)
    parts.update({image: position < cut for position, image in enumerate(new)})
    archs = [i for i, image in enumerate(images) if parts[image]]
    weights = [i for i, image in enumerate(images) if not parts[image]]
    if not archs or not weights:
        raise SplitError(
            f'both parts of the split must hold samples; {len(images)} samples of '
            f'{len(set(images))} images split at arch={arch} leave {len(weights)} for the weights '
            f'and {len(archs)} for the architecture. Use another share or more data.'
        )
    return weights, archs


def _build(cfg: Mapping, keep) -> Any:
    cfg = dict(copy.deepcopy(cfg))
    for key in ('dataset', 'datasets'):
        if key not in cfg:
            continue
        inner, scope = cfg[key], {k: cfg[k] for k in ('_scope_',) if k in cfg}
        many = isinstance(inner, (list, tuple))
        built = [_build({**scope, **i}, keep) for i in (inner if many else [inner])]
        # Wrappers take configs of any dataset, but objects of the innermost kind only.
        wrapped = [dict(type=_given, dataset=b) for b in built]
        cfg[key] = wrapped if many else wrapped[0]
        outer = DATASETS.build(cfg)
        if hasattr(outer, 'full_init'):
            outer.full_init()
        return outer
    dataset = DATASETS.build(cfg)
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    if not hasattr(dataset, 'get_subset_'):
        raise SplitError(
            f"a dataset must be one of MMEngine's (with get_subset_) to be split; received "
            f'{type(dataset).__name__}.'
        )
    dataset.get_subset_(keep(dataset))
    return dataset


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
    """Raise :class:`SplitError` when two datasets share an image (its path, or its id)."""
    shared = _identities(first) & _identities(second)
    if shared:
        some = ', '.join(sorted(map(str, shared))[:3])
        raise SplitError(
            f'the parts for weights and architecture must share no image; {len(shared)} are in '
            f'both, such as {some}. Give each part annotations of its own.'
        )


def _identities(dataset: Any) -> set:
    return {image for part in innermost(dataset) for image in _images(part)}


def _images(dataset: Any) -> Iterator[str]:
    """What tells the image of each sample: its path, else its id, else all that is known of it."""
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        if isinstance(info.get('img_path'), str):
            yield os.path.abspath(info['img_path'])
        elif 'img_id' in info:
            yield f'image {info["img_id"]}'
        else:
            yield repr({k: v for k, v in info.items() if k != 'sample_idx'})


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
