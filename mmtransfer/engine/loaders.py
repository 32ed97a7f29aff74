"""Data loaders that can start anywhere in an epoch and leave no trace in any generator."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from mmengine.dataset import InfiniteSampler
from mmengine.runner import Runner
from torch.utils.data import BatchSampler, DataLoader

from .split import SeededSamples


class EndlessSamplerError(ValueError):
    """A sampler without an end, where a loop must know what an epoch is."""


def forget_leftovers(batches: Any) -> None:
    """Make a batch sampler begin anew after an abandoned pass.

    Those of mmdet would give out what the pass had collected; MMEngine's InfiniteSampler would give
    nothing any more, because its one generator was closed with the pass.
    """
    for name in ('_aspect_ratio_buckets', '_buckets'):
        if hasattr(batches, name):
            setattr(batches, name, [[] for _ in getattr(batches, name)])
    sampler = getattr(batches, 'sampler', None)
    if isinstance(sampler, InfiniteSampler):
        sampler.indices = sampler._indices_of_rank()


class EpochBatches:
    """Batches of ``(epoch, index)`` pairs, from batch ``start`` of an epoch on.

    Batches before ``start`` are drawn as indices only; their samples are never read. ``start``
    holds for one pass and is 0 again after that.

    Args:
        batches: The batch sampler of the config.
    """

    def __init__(self, batches: Any) -> None:
        self.batches = batches
        self.batch_size = batches.batch_size
        self.sampler = batches.sampler  # MMEngine's DistSamplerSeedHook looks for it
        self.epoch = 0
        self.start = 0

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        # A generator, so that ``start`` is used up when the first batch is asked for: a DataLoader
        # with workers calls ``iter`` twice before it does.
        epoch, start, self.start = self.epoch, self.start, 0
        if hasattr(self.sampler, 'set_epoch'):
            self.sampler.set_epoch(epoch)
        forget_leftovers(self.batches)
        number = 0
        for number, batch in enumerate(self.batches, 1):
            if number > start:
                yield [(epoch, index) for index in batch]
        if number < len(self):  # mmdet's, with drop_last, when the leftovers fill a batch
            raise ValueError(
                f'a pass must have the {len(self)} batches that {type(self.batches).__name__} '
                f'announced; it had {number}. Set drop_last=False.'
            )

    def __len__(self) -> int:
        """Batches in a whole epoch."""
        return len(self.batches)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Inside, a pass ends with the samples that are left over, also where it drops them."""
        drops = self.batches.drop_last
        self.batches.drop_last = False
        try:
            yield
        finally:
            self.batches.drop_last = drops


class EpochLoader(DataLoader):
    """A DataLoader over :class:`EpochBatches`; ``at`` says where the next pass begins."""

    batch_sampler: EpochBatches

    def at(self, epoch: int, batch: int) -> None:
        """Let the next iteration begin at this batch of this epoch.

        Raises:
            ValueError: The epoch has no such batch.
        """
        if not 0 <= batch <= len(self):
            raise ValueError(
                f'an epoch has the batches 0 to {len(self)}; received {batch}. Has the batch size '
                f'or the data changed since the checkpoint was written?'
            )
        self.batch_sampler.epoch, self.batch_sampler.start = epoch, batch


def build_loader(cfg: dict, dataset: Any, seed: int) -> EpochLoader:
    """A loader as the toolboxes' ``train_dataloader`` describes it, over another dataset.

    Args:
        cfg: The config; its ``dataset`` is not looked at.
        dataset: What to read.
        seed: Decides order and augmentation, with the epoch.

    Raises:
        EndlessSamplerError: The sampler never ends.
        ValueError: There is not one batch.
    """
    samples = SeededSamples(dataset, seed)
    # MMEngine copies the config it is given; a function in it keeps the data from being copied.
    parsed = Runner.build_dataloader(dict(cfg, dataset=dict(type=lambda: samples)), seed=seed)
    batches = parsed.batch_sampler
    sampler: Any = batches.sampler
    _refuse_endless(sampler)
    if not isinstance(batches, BatchSampler):
        raise TypeError(f'the batch sampler must be a BatchSampler; received {type(batches)}.')
    if len(batches) == 0:
        raise ValueError(
            f'a pass must have at least one batch; {len(sampler)} samples make none of '
            f'{batches.batch_size}, as the last one is dropped unless it is full. Lower '
            f'train_dataloader.batch_size, or set drop_last=False.'
        )
    options: dict[str, Any] = {}
    if parsed.num_workers > 0:
        options['persistent_workers'] = parsed.persistent_workers
        options['prefetch_factor'] = parsed.prefetch_factor
    return EpochLoader(
        parsed.dataset,
        batch_sampler=EpochBatches(batches),
        num_workers=parsed.num_workers,
        collate_fn=parsed.collate_fn,
        pin_memory=parsed.pin_memory,
        timeout=parsed.timeout,
        multiprocessing_context=parsed.multiprocessing_context,
        worker_init_fn=parsed.worker_init_fn,
        generator=torch.Generator().manual_seed(seed),
        **options,
    )


def _refuse_endless(sampler: Any) -> None:
    count = len(sampler)
    if sum(1 for _ in islice(iter(sampler), count + 1)) > count:
        raise EndlessSamplerError(
            f'the sampler of a search must end after one pass, {count} samples; '
            f'{type(sampler).__name__} goes on. Use sampler=dict(type="DefaultSampler", '
            f'shuffle=True).'
        )
