"""An ordinary training whose continuation repeats it exactly."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from mmengine.registry import DATASETS
from mmengine.runner import EpochBasedTrainLoop
from torch import nn
from torch.utils.data import DataLoader

from mmtransfer.data.batches import naming_norms
from mmtransfer.data.loaders import EpochLoader, build_loader, epoch_loader
from mmtransfer.engine.search_optim import take_regularisers
from mmtransfer.engine.terms import Terms, recorded_backbone
from mmtransfer.hooks.checks.ranges import check_ranges
from mmtransfer.hooks.checks.run import ensure_checked
from mmtransfer.hooks.checks.schedule import warn_of_misfits
from mmtransfer.hooks.checks.stock_hooks import check_hooks, replay_switches
from mmtransfer.hooks.statistics import ensure_averaged
from mmtransfer.models import unwrap
from mmtransfer.randomness import common_seed, draw_seed, seed_step
from mmtransfer.registry import LOOPS


@LOOPS.register_module()
class SeededTrainLoop(EpochBasedTrainLoop):
    """MMEngine's loop over epochs, in which everything random follows from the seed of the run and
    counters.

    Order and augmentation of the samples follow from (seed, epoch, sample), whatever the number of
    workers; what the model draws from (seed, iteration, rank). So a run that is resumed from any
    iteration, also inside an epoch, goes on as an uninterrupted one, bit for bit on the CPU.

    Args:
        runner: MMEngine's runner.
        dataloader: ``train_dataloader`` of the config.
        max_epochs: Passes over the data.
        val_begin, val_interval: As MMEngine's.
        regularisers: Configs of terms added to the loss, such as one that compares the backbone's
            features with a teacher's; every step is of kind ``'weights'`` for them.

    Raises:
        EndlessSamplerError: The sampler never ends.
        RangeError: A number is out of its range.
        HookError: A hook of the config cannot work on this data or model.
        ValueError: A regulariser makes no sense here, or ``optim_wrapper`` takes none.
    """

    checks_schedule = True

    def __init__(
        self,
        runner,
        dataloader: dict,
        max_epochs: int,
        val_begin: int = 1,
        val_interval: int = 1,
        regularisers: Sequence[dict] = (),
    ) -> None:
        check_ranges(dict(max_epochs=max_epochs, val_interval=val_interval))
        self.seed = common_seed(runner)
        self._loader: EpochLoader | None = None
        self._config, self._data = dataloader, DATASETS.build(dataloader['dataset'])
        loader = self._build_loader()
        super().__init__(runner, loader, max_epochs, val_begin, val_interval)
        ensure_averaged(runner)
        ensure_checked(runner)
        check_hooks(runner, loader)
        self.terms: Terms | None = None
        if regularisers:
            self.terms = Terms(regularisers, recorded_backbone(unwrap(runner.model)))
            take_regularisers(runner)

    @property
    def dataloader(self) -> Any:
        """The training data."""
        return self._loader

    @dataloader.setter
    def dataloader(self, loader: DataLoader) -> None:
        # mmpose's YOLOXPoseModeSwitchHook puts another one in its place.
        if not isinstance(loader, EpochLoader):
            loader = epoch_loader(loader, draw_seed(self.seed, 'batches'))
        if self._loader is not None and len(loader) != len(self._loader):
            raise ValueError(
                f'the training data may be exchanged for some with as many batches, '
                f'{len(self._loader)} per epoch; received {len(loader)}. The iterations of a run '
                f'that is resumed could not be told apart.'
            )
        self._loader = loader

    def _build_loader(self) -> EpochLoader:
        return build_loader(self._config, self._data, draw_seed(self.seed, 'batches'))

    def adopt_seed(self, seed: int) -> None:
        """Go on with the seed of the run that is resumed."""
        self.seed = seed
        self.dataloader = self._build_loader()

    def run(self) -> nn.Module:
        """Train, from where the iteration count says; first of all warn of schedules that do not
        fit."""
        warn_of_misfits(self)
        replay_switches(self.runner, self)
        return super().run()

    def run_epoch(self) -> None:
        """One pass over the data, from where the iteration count says."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        start = self._iter - self._epoch * len(self.dataloader)
        self.dataloader.start_at(self._epoch, start)
        for index, batch in enumerate(self.dataloader, start):
            self.run_iter(index, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def run_iter(self, idx: int, data_batch: Any) -> None:
        """One step; no random state of an earlier one reaches it."""
        seed_step(self.seed, 'step', self._iter)
        terms: Any = nullcontext()
        if self.terms is not None:
            terms = self.terms.joining(self.runner.optim_wrapper, 'weights', self._iter, data_batch)
        with naming_norms(self.runner.model), terms:
            super().run_iter(idx, data_batch)
