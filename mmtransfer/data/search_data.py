"""The training data of a search: one set, or the two parts of a split."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.registry import DATASETS

from mmtransfer.data.loaders import EpochLoader, build_loader
from mmtransfer.data.split import split_dataset
from mmtransfer.randomness import draw_seed


class SearchData:
    """Loaders whose order and augmentation follow from the seed of the run.

    Args:
        config: ``train_dataloader``.
        seed: Of the run.
        held_out: What is held out, a share of the images in (0, 1) or the config of a dataset of
            its own; None: nothing is.
        split_seed: Decides which images.

    Attributes:
        training: The batches of the iterations.
        held_out: Those of the held-out part; None where there is none.

    Raises:
        SplitError: A part would be empty, or the parts overlap.
    """

    def __init__(
        self, config: dict, seed: int, held_out: float | Mapping | None, split_seed: int = 0
    ) -> None:
        self._config = config
        self._parts = (
            (DATASETS.build(config['dataset']), None)
            if held_out is None
            else split_dataset(config['dataset'], held_out, split_seed)
        )
        # A part that is a share is read as the other one is, whatever hooks exchange.
        self._follows = held_out is not None and not isinstance(held_out, Mapping)
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Build the loaders for this seed of the run."""
        training, held_out = self._parts
        self.training = self._loader(training, seed, 'weight batches')
        self.held_out: Any = None
        if held_out is not None:
            self.held_out = self._loader(held_out, seed, 'architecture batches')
        self._exchanged = self.training.exchanged() if self._follows else {}
        self._batches: Iterator | None = None

    def _loader(self, dataset: Any, seed: int, purpose: str) -> EpochLoader:
        return build_loader(self._config, dataset, draw_seed(seed, purpose))

    def follow_exchange(self) -> None:
        """What a hook has exchanged in the training batches (mmdet's PipelineSwitchHook) holds for
        a held-out share too, from its next batch on."""
        if not self._follows:
            return
        before, self._exchanged = self._exchanged, self.training.exchanged()
        new = {k: v for k, v in self._exchanged.items() if v is not before.get(k)}
        if new:
            self.held_out.exchange(new)
            self._batches = None

    def held_out_batch(self, number: int) -> Any:
        """Batch ``number`` of the endless sequence of passes over the held-out part.

        Args:
            number: The next one after that of the call before, or any other in a new run.
        """
        epoch, index = divmod(number, len(self.held_out))
        if self._batches is None or index == 0:
            self.held_out.start_at(epoch, index)
            self._batches = iter(self.held_out)
        return next(self._batches)
