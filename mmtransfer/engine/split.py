"""Two disjoint parts of a training set: one for the weights, one for the architecture."""

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.registry import DATASETS
from torch.utils.data import Dataset

from mmtransfer.search.draws import draw_seed


class SplitError(ValueError):
    """A split that leaves a part empty, or whose parts share a sample."""


def split_dataset(cfg: dict, arch: float, seed: int) -> tuple[Any, Any]:
    """Build a dataset twice and let each copy keep its part.

    The innermost dataset is cut after its own filtering, so whatever stands around it (repeats,
    mixes, a retry after an unreadable image) can only reach samples of its part.

    Args:
        cfg: Config of the dataset, wrappers included.
        arch: Share of the samples for architecture steps, in (0, 1).
        seed: Decides which samples; the order of the files does not.

    Returns:
        The dataset of the weight steps and that of the architecture steps.

    Raises:
        SplitError: A part would be empty, or the parts overlap.
    """
    if not 0 < arch < 1:
        raise SplitError(f'split.arch must lie between 0 and 1, both excluded; received {arch}.')
    weights = _build(cfg, lambda count: _part(count, arch, seed)[0])
    archs = _build(cfg, lambda count: _part(count, arch, seed)[1])
    check_disjoint(weights, archs)
    return weights, archs


def _part(count: int, arch: float, seed: int) -> tuple[list[int], list[int]]:
    """Indices for the weights and for the architecture."""
    order = list(range(count))
    random.Random(draw_seed(seed, 'split', count)).shuffle(order)
    cut = round(count * arch)
    if cut == 0 or cut == count:
        raise SplitError(
            f'both parts of the split must hold samples; {count} samples split at arch={arch} '
            f'leave {count - cut} for the weights and {cut} for the architecture. Use another '
            f'share or more data.'
        )
    return sorted(order[cut:]), sorted(order[:cut])


def _build(cfg: Mapping, keep) -> Any:
    cfg = dict(copy.deepcopy(cfg))
    for key in ('dataset', 'datasets'):
        if key not in cfg:
            continue
        inner = cfg[key]
        many = isinstance(inner, (list, tuple))
        cfg[key] = [_build(i, keep) for i in inner] if many else _build(inner, keep)
        return DATASETS.build(cfg)
    dataset = DATASETS.build(cfg)
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    if not hasattr(dataset, 'get_subset_'):
        raise SplitError(
            f"a dataset must be one of MMEngine's (with get_subset_) to be split; received "
            f'{type(dataset).__name__}.'
        )
    dataset.get_subset_(keep(len(dataset)))
    return dataset


def innermost(dataset: Any) -> Iterator[Any]:
    """The datasets at the bottom of wrappers, which hold the samples."""
    inner = getattr(dataset, 'dataset', None) or getattr(dataset, 'datasets', None)
    if inner is None:
        yield dataset
    else:
        for one in inner if isinstance(inner, (list, tuple)) else [inner]:
            yield from innermost(one)


def check_disjoint(first: Any, second: Any) -> None:
    """Raise :class:`SplitError` when two datasets share a sample (an image path, or an id)."""
    shared = _identities(first) & _identities(second)
    if shared:
        some = ', '.join(sorted(map(str, shared))[:3])
        raise SplitError(
            f'the parts for weights and architecture must share no sample; {len(shared)} are in '
            f'both, such as {some}. Give each part annotations of its own.'
        )


def _identities(dataset: Any) -> set:
    found = set()
    for part in innermost(dataset):
        for index in range(len(part)):
            info = part.get_data_info(index)
            name = info.get('img_path', info.get('img_id', info.get('sample_idx')))
            found.add((name, info.get('id')))  # several people of one image have ids of their own
    return found


class SeededSamples(Dataset):
    """A dataset whose every sample is the same whenever and wherever it is read.

    It is indexed by ``(epoch, index)``. Before a sample is read the generators of ``random``, NumPy
    and torch are seeded from (seed, epoch, index), so augmentation does not depend on how long a
    worker has lived or which worker it is.

    Args:
        dataset: Any dataset of the toolboxes.
        seed: The stream's seed.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed

    def __getitem__(self, key: tuple[int, int]) -> Any:
        epoch, index = key
        seed = draw_seed(self.seed, 'sample', epoch, index)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        return self.dataset[index]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        if name == 'dataset':  # not yet set, as while unpickling in a worker
            raise AttributeError(name)
        return getattr(self.dataset, name)
