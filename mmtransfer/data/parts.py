"""The data of a run, as its checks look at it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.dataset import BaseDataset

from mmtransfer.data.split import SeededSamples


@dataclass(frozen=True)
class Part:
    """One data set that a run reads.

    Args:
        key: Of the data set in the config, such as ``'val_dataloader.dataset'``.
        loader: Reads it.
        metrics: Judge what is predicted on it; none for what is trained on.
        share: Which part of the data set it is, for messages.
    """

    key: str
    loader: Any
    metrics: Sequence[Any] = ()
    share: str = ''

    @property
    def dataset(self) -> Any:
        """The data set as its config describes it."""
        found = self.loader.dataset
        return found.dataset if isinstance(found, SeededSamples) else found

    def named_datasets(self) -> Iterator[tuple[str, Any]]:
        """The data sets within wrappers that say what their labels are, with their keys.

        mmpose's CombinedDataset says it itself: the joints of what it holds become its own.
        """
        return _named_datasets(self.key, self.dataset)


def _named_datasets(key: str, dataset: Any) -> Iterator[tuple[str, Any]]:
    if hasattr(dataset, 'datasets') and not isinstance(dataset, BaseDataset):
        for number, inner in enumerate(dataset.datasets):
            yield from _named_datasets(f'{key}.datasets.{number}', inner)
    elif hasattr(dataset, 'dataset') and not isinstance(dataset, BaseDataset):
        yield from _named_datasets(f'{key}.dataset', dataset.dataset)
    else:
        yield key, dataset


def training_parts(runner: Any) -> list[Part]:
    """What a run learns from; of a search the held-out part too. None where nothing is trained."""
    loop = runner._train_loop
    if not hasattr(loop, 'dataloader'):  # until it is built, a loop is its config
        return []
    parts = [Part('train_dataloader.dataset', loop.dataloader)]
    if getattr(loop, 'arch_dataloader', None) is not None:
        split = (runner.cfg.get('train_cfg') or {}).get('split') or {}
        own = isinstance(split.get('arch'), Mapping)
        key = 'train_cfg.split.arch' if own else 'train_dataloader.dataset'
        share = '' if own else ' (the held-out part)'
        parts.append(Part(key, loop.arch_dataloader, share=share))
    return parts


def judged_parts(runner: Any) -> list[Part]:
    """What a run validates or tests on."""
    return [
        Part(f'{name}_dataloader.dataset', loop.dataloader, loop.evaluator.metrics)
        for name in ('val', 'test')
        for loop in [getattr(runner, f'_{name}_loop')]
        if hasattr(loop, 'dataloader') and hasattr(loop, 'evaluator')
    ]
