"""Checkpoints that a kill at any moment cannot spoil, and that only their own config resumes."""

import json
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook as _CheckpointHook
from mmengine.runner import BaseLoop, Runner

from mmtransfer.architecture import Architecture
from mmtransfer.backbones.portable import embed_architectures, identified
from mmtransfer.checkpoints.address import last_checkpoint
from mmtransfer.checkpoints.tensors import check_values, tensors_of
from mmtransfer.digests import config_digests, former_digests
from mmtransfer.files import write_atomically
from mmtransfer.hooks.fit import (
    check_complete,
    check_config,
    check_optimizer,
    check_tensors,
    tensors_in,
)
from mmtransfer.hooks.noted import ResumeError, select_noted, take_seed
from mmtransfer.hooks.statistics import AverageStatisticsHook
from mmtransfer.lock import FolderLock, lock_folder
from mmtransfer.models import unwrap
from mmtransfer.registry import HOOKS
from mmtransfer.remap.load import loaded_state
from mmtransfer.remap.sources import own_backbones
from mmtransfer.search.regularisers import terms_in_units
from mmtransfer.search.target import searcher_in_units

FORMAT = 1


@register_backend('mmtransfer.atomic', force=True)
class AtomicLocalBackend(LocalBackend):
    """MMEngine's local files, written atomically."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to a file, see ``write_atomically``."""
        write_atomically(obj, filepath)


@HOOKS.register_module()
class CheckpointHook(_CheckpointHook):
    """MMEngine's hook with these differences.

    A checkpoint is written and synced before the pointer ``last_checkpoint`` names it, and older
    ones are removed last, so that a readable checkpoint exists at every moment. Each one says which
    config it belongs to, and resuming it with another is refused. When the loop can ``derive()``,
    ``architecture.json`` is written beside it. What a search finds after its last step by scoring
    candidates is added to the last checkpoint. On several ranks what is validated is what is saved,
    see ``AverageStatisticsHook``.

    The dumped config and the one in the checkpoints hold the architecture itself. A work directory
    that was copied or moved resumes its own checkpoint and leaves those of its origin alone. What a
    checkpoint holds is checked before any of it is loaded.

    A checkpoint of a search says which architecture its validation runs, and a test of it runs
    that one. A resumed run has the seed of the run that it continues.
    """

    _noted: Mapping[str, Any] = MappingProxyType({})  # beside the tensors that were loaded

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        # MMEngine hands on what it does not know to what writes a checkpoint: an error an epoch on.
        unknown = sorted(self.args.keys() - signature(Runner.save_checkpoint).parameters.keys())
        if unknown:
            raise TypeError(
                f'CheckpointHook takes the arguments '
                f'{", ".join(list(signature(_CheckpointHook).parameters)[:-1])}; received also '
                f'{", ".join(unknown)}. Correct or remove it in default_hooks.checkpoint.'
            )
        if '://' not in str(self.out_dir) and not self.file_client_args and not self.backend_args:
            self.backend_args: dict | None = dict(backend='mmtransfer.atomic')
        self._lock: FolderLock | None = None
        self.digests_as_given: dict[str, str] = {}
        self.embeds = False
        self.statistics = AverageStatisticsHook()

    def before_run(self, runner) -> None:
        """Choose what to resume, and put the architecture into the config."""
        self.digests_as_given = former_digests(runner.cfg.get)
        self.embeds = embed_architectures(runner.cfg)
        if self.embeds:
            runner.dump_config()
        if not (runner._resume and runner._load_from is None):
            return
        if (Path(runner.work_dir) / 'last_checkpoint').is_file():
            runner._load_from = last_checkpoint(runner.work_dir)
        else:  # a new run, whose weights are remapped like any other's
            runner._resume = False
            runner.logger.info(f'nothing to resume in {runner.work_dir}: this is a new run')

    def before_train(self, runner) -> None:
        """Keep other runs out of the work directory while this one trains, and take the best
        checkpoints of before a resume from this directory.

        Raises:
            WorkDirError: Another process trains in it.
        """
        if is_main_process():
            self._lock = lock_folder(runner.work_dir)
        if self.embeds:  # MMEngine's inferencers read the config from here
            runner.message_hub.update_info('cfg', runner.cfg.pretty_text)
        super().before_train(runner)
        self.statistics.before_train(runner)
        if self.save_best:
            single = len(self.key_indicators) == 1
            old = {'': self.best_ckpt_path} if single else dict(self.best_ckpt_path_dict)
            self._set_best({key: path and self._own(path) for key, path in old.items()})

    def before_val_epoch(self, runner) -> None:
        """Every rank validates the statistics that are saved."""
        self.statistics.average(runner)

    def _own(self, path: str) -> str | None:
        """The file of that name in this run's directory, which may be a copy of another's."""
        own = self.file_backend.join_path(self.out_dir, Path(path).name)
        return own if self.file_backend.isfile(own) else None

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        self.statistics.average(runner)
        stale: list[int] = []
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            kept = [*self.keep_ckpt_ids, step]
            stale, kept = kept[: -self.max_keep_ckpts], kept[-self.max_keep_ckpts :]
            self.keep_ckpt_ids.clear()
            self.keep_ckpt_ids.extend(kept)
            runner.message_hub.update_info('keep_ckpt_ids', kept)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if not is_main_process():
            return
        if hasattr(runner.train_loop, 'derive'):
            _write_found(runner)
        write_atomically(str(self.last_ckpt), Path(runner.work_dir) / 'last_checkpoint')
        for old in stale:
            path = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(old))
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        """MMEngine removes the best checkpoint before it writes a better one; here, after."""
        if not self.save_best:
            return
        single = len(self.key_indicators) == 1
        old = {'': self.best_ckpt_path} if single else dict(self.best_ckpt_path_dict)
        self._set_best(dict.fromkeys(old))
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            new = {'': self.best_ckpt_path} if single else dict(self.best_ckpt_path_dict)
            self._set_best({key: new[key] or old[key] for key in old})
        for key in old:
            stale = old[key] if new[key] and new[key] != old[key] else None
            if stale and is_main_process() and self.file_backend.isfile(stale):
                self.file_backend.remove(stale)

    def _set_best(self, paths: dict) -> None:
        if len(self.key_indicators) == 1:
            (self.best_ckpt_path,) = paths.values()
        else:
            self.best_ckpt_path_dict = dict(paths)

    def after_train(self, runner) -> None:
        """Write the last checkpoint again if the search went on, or was ended, after it."""
        loop = runner.train_loop
        if (
            getattr(loop, 'scores', None) is not None
            or hasattr(loop, 'derive')
            and (loop.stop_training)
        ):
            step = runner.epoch if self.by_epoch else runner.iter
            meta = dict(epoch=runner.epoch, iter=runner.iter)
            self._save_checkpoint_with_step(runner, step, meta)
        super().after_train(runner)
        self._lock = None

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Note whose checkpoint it is."""
        state: dict = getattr(runner.train_loop, 'checkpoint_state', dict)()
        backbones = own_backbones(unwrap(runner.model)).values()
        network = next((b.architecture for b in backbones if hasattr(b, 'architecture')), None)
        if isinstance(network, Architecture):
            state = {'architecture': json.loads(network.to_json()), **state}
        checkpoint['mmtransfer'] = dict(format=FORMAT, config=config_digests(runner.cfg), **state)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Refuse to resume what another config has written, and to test another model's weights.

        What ``load_from`` names for a training is remapped into a backbone of ours, with neck and
        head by name.

        Raises:
            SeedCheckpointError, RemapError: Something in it would be left out of the model.
            ResumeError: Names the parts or the tensors that differ.
            ValueError: The same of tensors, in a test; or their values cannot be used.
        """
        model = unwrap(runner.model)
        self._noted = checkpoint.get('mmtransfer', {})
        if not runner._resume:
            if _tests(runner):
                tensors = tensors_of(checkpoint, str(runner._load_from))
                check_tensors(model, tensors)
                if tensors.keys() != checkpoint.get('state_dict', {}).keys():
                    checkpoint['state_dict'] = tensors  # MMEngine takes them by these names alone
            else:
                take_weights(runner, checkpoint)
                check_values(
                    tensors_in(checkpoint.get('state_dict', checkpoint)), model.state_dict()
                )
            return
        try:
            spelled = former_digests(lambda part: identified(runner.cfg.get(part)))
            mine = config_digests(runner.cfg)
            former = [spelled, self.digests_as_given, _digests_in_units(runner)]
            check_config(checkpoint, mine, former)
            check_complete(runner, checkpoint)
            check_tensors(model, checkpoint['state_dict'])
            check_optimizer(checkpoint['optimizer'])
        except ValueError as error:
            raise ResumeError(str(error)) from None
        if hasattr(runner.train_loop, 'restore'):
            runner.train_loop.restore(checkpoint['mmtransfer'])
        take_seed(runner, checkpoint.get('meta', {}).get('seed'))

    def before_test(self, runner) -> None:
        """Select in a supernet what its checkpoint says.

        Raises:
            RemapError: The checkpoint is of another space.
            ScoresError: It is of a version that did not note what is evaluated, and was written
                before a candidate was scored.
        """
        select_noted(runner, self._noted)

    def before_val(self, runner) -> None:
        """The same in a validation by itself; a training selects what it validates."""
        if not isinstance(runner._train_loop, BaseLoop):
            self.before_test(runner)


def _write_found(runner: Any) -> None:
    """Write ``architecture.json``; where nothing is found yet, move that of an earlier search away,
    as it does not belong to this search's checkpoints."""
    file = Path(runner.work_dir) / 'architecture.json'
    found = runner.train_loop.derive()
    if found is not None:
        found.write(file)
    elif file.exists():
        earlier = file.with_name('architecture.previous.json')
        file.replace(earlier)
        runner.logger.warning(f'{file} is of an earlier search; it is {earlier.name} from now on.')


def _digests_in_units(runner: Any) -> dict[str, str]:
    """Those of a config that gives numbers for what this one calls ``'seed'`` or a share of it, as
    the configs of earlier searches did; none for a run without costs."""
    table, train_cfg = getattr(runner.train_loop, 'table', None), runner.cfg.get('train_cfg')
    if table is None or train_cfg.get('searcher') is None:
        return {}
    searcher = searcher_in_units(train_cfg.searcher, table)
    terms = terms_in_units(train_cfg.get('regularisers', ()), table, searcher.get('target'))
    numbers = {**train_cfg, 'searcher': searcher, 'regularisers': terms}
    return config_digests({**runner.cfg, 'train_cfg': numbers})


def take_weights(runner: Any, checkpoint: dict) -> None:
    """Put what a model with a backbone of ours takes from a checkpoint in place of its tensors.

    MMEngine would load what bears the model's names, and skip the rest with a line in the log.

    Raises:
        SeedCheckpointError, RemapError: Something would be left out.
    """
    found = loaded_state(unwrap(runner.model), checkpoint, str(runner._load_from))
    if found is not None:
        plan, checkpoint['state_dict'] = found
        runner.logger.info(f'remap: load_from, {runner._load_from}')
        runner.logger.info(plan.explain())


def _tests(runner: Any) -> bool:
    """Whether a runner tests a network of ours, so that every tensor must come from a file."""
    own = own_backbones(unwrap(runner.model))
    return bool(own) and isinstance(runner._test_loop, BaseLoop)
