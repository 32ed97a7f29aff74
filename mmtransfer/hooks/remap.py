"""Weights for a whole model from a search (or from the seed), before the fine-tune begins."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop

from mmtransfer.models import unwrap
from mmtransfer.registry import HOOKS, is_a
from mmtransfer.remap.load import check_source, load_model


@HOOKS.register_module()
class RemapHook(Hook):
    """Remap the weights at iteration 0 of a run that was not resumed (FNA++, Sec. 3.2.3).

    Args:
        checkpoint: ``source='supernet'``: a checkpoint of the supernet or of the same network in
            another model, or a work directory (then its last checkpoint is taken).
            ``source='seed'``: a checkpoint of the seed network, or of a model around it.
        source: ``'supernet'`` takes neck and head too; ``'seed'`` those of a whole model around the
            seed (a detector of one's own), of a classifier the backbone only.
        initialise: Modules beside the backbone that keep their own values, such as
            ``('bbox_head.retina_cls',)`` for another number of classes.
        key: Where in the file the weights are, ``'teacher'``; ``'state_dict'``, ``'model'`` and the
            other usual places need none.
        prefix: Only the tensors whose names begin so are taken, without it: ``'student.'``.
        **strategy: With the seed, ``width``, ``kernel`` and ``new``: what a layer with fewer
            channels keeps, where the taps go in a larger kernel (Sec. 4.9), and whether new hidden
            channels are zero or learn; see ``mmtransfer.remap.with_strategy``.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        checkpoint: str,
        source: str = 'supernet',
        initialise: Sequence[str] = (),
        key: str | None = None,
        prefix: str = '',
        **strategy: str,
    ) -> None:
        check_source(source, **strategy)
        self.checkpoint = checkpoint
        self.source = source
        self.initialise = tuple(initialise)
        self.key = key
        self.prefix = prefix
        self.strategy = strategy

    def before_run(self, runner) -> None:
        """Refuse a second hook, and ``load_from`` in a training: what one takes the other would
        overwrite.

        Raises:
            ValueError: Names both checkpoints.
        """
        taken = [hook.checkpoint for hook in runner.hooks if isinstance(hook, RemapHook)]
        if len(taken) > 1:
            raise ValueError(
                f'a run must have one RemapHook at most; received those of {taken}. Our configs '
                f'name theirs default_hooks.remap: change that one in place of adding another to '
                f'custom_hooks.'
            )
        if isinstance(runner._train_loop, BaseLoop) and runner._load_from and not runner._resume:
            raise ValueError(
                f'a training must take its weights from one place: RemapHook takes them from '
                f'{self.checkpoint!r}, and load_from is {runner._load_from!r}, of which it would '
                f'leave nothing but what initialise names. Remove load_from, or the RemapHook from '
                f'default_hooks (of our configs) or custom_hooks.'
            )

    def before_train(self, runner) -> None:
        """Apply the plan and write it to the log."""
        if runner.iter > 0 or runner._resume:
            return
        model = unwrap(runner.model)
        runner.logger.info(f'remap: weights from the {self.source}, {self.checkpoint}')
        plan = load_model(
            model,
            self.checkpoint,
            self.source,
            self.initialise,
            key=self.key,
            prefix=self.prefix,
            **self.strategy,
        )
        runner.logger.info(plan.explain())


def remap_hooks(cfg: Mapping[str, Any]) -> list[tuple[str, dict]]:
    """Dotted key and config of each hook of a config that takes a search's weights."""
    hooks = [(f'custom_hooks.{i}', h) for i, h in enumerate(cfg.get('custom_hooks') or [])]
    hooks += [(f'default_hooks.{k}', h) for k, h in (cfg.get('default_hooks') or {}).items()]
    return [
        (key, hook)
        for key, hook in hooks
        if is_a(hook, RemapHook, HOOKS, cfg.get('default_scope')) and hook.get('source') != 'seed'
    ]
