"""Checkpoints that a kill at any moment cannot spoil, and that only their own config resumes."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook as _CheckpointHook
from mmengine.model import is_model_wrapper

from mmtransfer.registry import HOOKS

FORMAT = 1
# What may change between a run and its continuation.
_FREE = {
    'train_cfg': ('max_epochs', 'max_iters', 'val_begin', 'val_interval', 'dynamic_intervals'),
    'train_dataloader': ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor'),
}
_PARTS = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper')


class ResumeError(RuntimeError):
    """A checkpoint that belongs to another config or another model."""


def write_atomically(data: bytes, path: str | os.PathLike) -> None:
    """Write a file whole or not at all: a temporary file beside it, synced, then renamed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.tmp')
    with open(temporary, 'wb') as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


@register_backend('mmtransfer.atomic', force=True)
class AtomicLocalBackend(LocalBackend):
    """MMEngine's local files, written atomically."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to a file, see :func:`write_atomically`."""
        write_atomically(obj, filepath)


def config_digests(cfg: Any) -> dict[str, str]:
    """One digest per part of a config that a continuation must share."""
    digests = {}
    for part in _PARTS:
        value = cfg.get(part)
        value = dict(value) if isinstance(value, dict) else {'': value}
        kept = {k: v for k, v in value.items() if k not in _FREE.get(part, ())}
        text = json.dumps(kept, sort_keys=True, default=str)
        digests[part] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return digests


@HOOKS.register_module()
class CheckpointHook(_CheckpointHook):
    """MMEngine's hook with three differences.

    A checkpoint is written and synced before the pointer ``last_checkpoint`` names it, and older
    ones are removed last, so that a readable checkpoint exists at every moment. Each one says which
    config it belongs to, and resuming it with another is refused. When the loop can ``derive()``,
    ``architecture.json`` is written beside it.
    """

    def __init__(self, *args, **kwargs) -> None:
        kwargs.setdefault('backend_args', dict(backend='mmtransfer.atomic'))
        super().__init__(*args, **kwargs)

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
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
            runner.train_loop.derive().write(Path(runner.work_dir) / 'architecture.json')
        write_atomically(str(self.last_ckpt).encode(), Path(runner.work_dir) / 'last_checkpoint')
        for old in stale:
            path = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(old))
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Note whose checkpoint it is."""
        state = getattr(runner.train_loop, 'checkpoint_state', dict)()
        checkpoint['mmtransfer'] = dict(format=FORMAT, config=config_digests(runner.cfg), **state)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Refuse to resume what another config, or another model, has written.

        Raises:
            ResumeError: Names the parts or the tensors that differ.
        """
        if not runner._resume:
            return
        mine, theirs = config_digests(runner.cfg), checkpoint.get('mmtransfer', {}).get('config')
        if theirs is None:
            raise ResumeError(
                'only a checkpoint written by mmtransfer.CheckpointHook can be resumed; this one '
                'does not say which config it belongs to. Start anew, with load_from to take its '
                'weights.'
            )
        differing = [part for part in _PARTS if mine[part] != theirs.get(part)]
        if differing:
            raise ResumeError(
                f'a run must be resumed with the config that began it; the checkpoint is of '
                f'another config: {", ".join(differing)} differ. Use that config, or another '
                f'work_dir (with load_from to take the weights).'
            )
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        have, need = set(checkpoint['state_dict']), set(model.state_dict())
        if have != need:
            raise ResumeError(
                f'the checkpoint must hold exactly the tensors of the model; missing: '
                f'{sorted(need - have)[:5]}, unexpected: {sorted(have - need)[:5]}. It was written '
                f'by another version of the model.'
            )
