"""Data loaders that can start anywhere in an epoch and leave no trace in any generator."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from mmengine.dataset import InfiniteSampler
from mmengine.runner import Runner
from torch.utils.data import BatchSampler, DataLoader

from mmtransfer.data.split import SeededSamples

# What mmdet's PipelineSwitchHook and YOLOXModeSwitchHook write.
_EXCHANGED = ('pipeline', '_skip_type_keys')
# Where mmdet's batch samplers collect what is to become a batch.
_BUCKETS = ('_aspect_ratio_buckets', '_buckets')


class EndlessSamplerError(ValueError):
    """A sampler without an end, where a loop must know what an epoch is."""


def forget_leftovers(batches: Any) -> None:
    """Make a batch sampler start again after an abandoned pass.

    Those of mmdet would give out what the pass had collected; MMEngine's InfiniteSampler would give
    nothing any more, because its one generator was closed with the pass.
    """
    for name in _BUCKETS:
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
    def keep_leftovers(self) -> Iterator[None]:
        """Inside, a pass ends with the samples that are left over, also where it drops them."""
        drops = self.batches.drop_last
        self.batches.drop_last = False
        try:
            yield
        finally:
            self.batches.drop_last = drops


class EpochLoader(DataLoader):
    """A DataLoader over ``EpochBatches``; ``start_at`` says where the next pass begins."""

    batch_sampler: EpochBatches
    dataset: SeededSamples

    def start_at(self, epoch: int, batch: int) -> None:
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

    def exchanged(self) -> dict[str, Any]:
        """What hooks may exchange in the data set while a run goes on."""
        data = self.dataset.dataset
        return {name: getattr(data, name) for name in _EXCHANGED if hasattr(data, name)}

    def exchange(self, settings: Mapping[str, Any]) -> None:
        """Read with these settings, each a copy, from the next pass on."""
        for name, value in copy.deepcopy(dict(settings)).items():
            setattr(self.dataset, name, value)
        self._iterator = None  # workers that persist have the old ones


def build_loader(cfg: dict, dataset: Any, seed: int) -> EpochLoader:
    """A loader as the toolboxes' ``train_dataloader`` describes it, over another dataset.

    Args:
        cfg: The config; its ``dataset`` is not looked at.
        dataset: What to read.
        seed: Decides order and augmentation, with the epoch.

    Raises:
        EndlessSamplerError: The sampler never ends.
        ValueError: There is not one batch, or the last one would be dropped from batches of equal
            aspect ratio, which then announce more than they give.
    """
    if cfg.get('batch_sampler') and cfg.get('drop_last'):
        raise ValueError(_NO_DROPS.format(cfg['batch_sampler'].get('type')))
    # MMEngine copies the config it is given; a function in it keeps the data from being copied.
    built = Runner.build_dataloader(dict(cfg, dataset=dict(type=lambda: dataset)), seed=seed)
    return epoch_loader(built, seed)


def epoch_loader(loader: DataLoader, seed: int) -> EpochLoader:
    """What a loader of MMEngine's reads, in an order and an augmentation that follow from a seed.

    Raises:
        EndlessSamplerError: The sampler never ends.
        ValueError: There is not one batch.
    """
    batches: Any = loader.batch_sampler
    sampler: Any = batches.sampler
    _refuse_endless(sampler)
    _refuse_short_passes(batches)
    if not isinstance(batches, BatchSampler):
        raise TypeError(f'the batch sampler must be a BatchSampler; received {type(batches)}.')
    if len(batches) == 0:
        raise ValueError(
            f'a pass must have at least one batch; {len(sampler)} samples make none of '
            f'{batches.batch_size}, as the last one is dropped unless it is full. Lower '
            f'train_dataloader.batch_size, or set drop_last=False.'
        )
    if hasattr(sampler, 'seed'):
        sampler.seed = seed
    options: dict[str, Any] = {}
    if loader.num_workers > 0:
        options['persistent_workers'] = loader.persistent_workers
        options['prefetch_factor'] = loader.prefetch_factor
    return EpochLoader(
        SeededSamples(loader.dataset, seed),
        batch_sampler=EpochBatches(batches),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        multiprocessing_context=loader.multiprocessing_context,
        worker_init_fn=loader.worker_init_fn,
        generator=torch.Generator().manual_seed(seed),
        **options,
    )


# mmdet's batch samplers collect samples by aspect ratio; with what is left in the end they may drop
# a whole batch that their length counts.
_NO_DROPS = (
    'drop_last must not be set together with the batch sampler {}, as a pass must have the batches '
    'that it announces. Set train_dataloader.drop_last=False and batch_sampler.drop_last=False, or '
    'leave train_dataloader.batch_sampler out.'
)


def _refuse_short_passes(batches: Any) -> None:
    if any(hasattr(batches, name) for name in _BUCKETS) and batches.drop_last:
        raise ValueError(_NO_DROPS.format(type(batches).__name__))


def _refuse_endless(sampler: Any) -> None:
    count = len(sampler)
    if sum(1 for _ in islice(iter(sampler), count + 1)) > count:
        raise EndlessSamplerError(
            f'the sampler of a search must end after one pass, {count} samples; '
            f'{type(sampler).__name__} goes on. Use sampler=dict(type="DefaultSampler", '
            f'shuffle=True).'
        )
