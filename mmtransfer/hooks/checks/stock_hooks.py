"""Hooks of MMEngine and the toolboxes in our loops: docs/hooks.md lists all of them."""

from typing import Any

from mmengine.hooks import CheckpointHook, Hook

from mmtransfer.data.loaders import EpochLoader
from mmtransfer.hooks.statistics import is_stock
from mmtransfer.models import unwrap

_POSE_SWITCH = 'mmpose.engine.hooks.mode_switch_hooks.YOLOXPoseModeSwitchHook'
_RTMO_SWITCH = 'mmpose.engine.hooks.mode_switch_hooks.RTMOModeSwitchHook'

# Of the training data, and of the model, what a hook uses in a later epoch.
_NEEDS_OF_DATA = {
    'mmdet.engine.hooks.pipeline_switch_hook.PipelineSwitchHook': 'pipeline',
    'mmdet.engine.hooks.yolox_mode_switch_hook.YOLOXModeSwitchHook': 'update_skip_type_keys',
}
_NEEDS_OF_MODEL = {
    'mmdet.engine.hooks.set_epoch_info_hook.SetEpochInfoHook': ('set_epoch',),
    'mmdet.engine.hooks.mean_teacher_hook.MeanTeacherHook': ('student', 'teacher'),
    _POSE_SWITCH: ('head',),
    _RTMO_SWITCH: ('head',),
}
# Why no loop of ours can have a hook.
_REFUSED = {
    'mmcv.cnn.rfsearch.search.RFSearchHook': (
        'it exchanges convolutions after the optimiser has been built, so the network is no longer '
        'the one of its architecture, and its checkpoints fit neither. Train with the loops of '
        'MMEngine'
    ),
}
# Why a search cannot have a hook.
_REFUSED_IN_A_SEARCH = {
    'mmdet.engine.hooks.mean_teacher_hook.MeanTeacherHook': (
        'a search needs exactly one supernet in the model, and student and teacher are two. Search '
        'with the student alone, and fine-tune both'
    ),
    _POSE_SWITCH: (
        'it builds a loader of the whole training set, so the weights would learn from the samples '
        "of the architecture. Use dict(type='mmdet.PipelineSwitchHook', switch_epoch=..., "
        "switch_pipeline=[...]) and dict(type='mmpose.RTMOModeSwitchHook', epoch_attributes="
        '{...: dict(use_aux_loss=True)}) instead'
    ),
}
# They act in one epoch only, so a run that is resumed after it would go on without.
_ACT_ONCE = (_POSE_SWITCH, _RTMO_SWITCH)


class HookError(ValueError):
    """A hook of the config that cannot work here."""


def check_hooks(runner: Any, loader: EpochLoader, search: bool = False) -> None:
    """Refuse hooks that would fail later or spoil the run.

    Args:
        runner: With its hooks and model.
        loader: Of the training data.
        search: Whether the loop searches.

    Raises:
        HookError: Names the hook, and what to do.
    """
    data, model = loader.dataset.dataset, unwrap(runner.model)
    for hook in runner.hooks:
        reason = _of(hook, _REFUSED | (_REFUSED_IN_A_SEARCH if search else {}))
        if search and type(hook) is CheckpointHook:
            reason = (
                'it writes no architecture.json, and what it writes cannot be resumed; set '
                "default_hooks.checkpoint.type='mmtransfer.CheckpointHook', with _delete_=True "
                'where the base has options of its own'
            )
        wanted = _of(hook, _NEEDS_OF_DATA)
        if reason is None and wanted and not hasattr(data, wanted):
            reason = (
                f'it needs {wanted!r} of the training data, which {type(data).__name__} lacks: a '
                f'wrapper around the data set that has it, or another data set. Change '
                f'train_dataloader.dataset'
            )
        lacking = [n for n in _of(hook, _NEEDS_OF_MODEL) or () if not hasattr(model, n)]
        if reason is None and lacking:
            reason = (
                f'it needs {" and ".join(map(repr, lacking))} of the model, which '
                f'{type(model).__name__} lacks'
            )
        if reason is not None:
            raise HookError(
                f'{type(hook).__name__} cannot be used here: {reason}; or remove it from the hooks '
                f'of the config.'
            )


def replay_switches(runner: Any, loop: Any) -> None:
    """In a run that is resumed, tell hooks that act in one epoch only of the epochs before; where
    no epoch is left, and candidates are all that is to be scored, tell those that set data or model
    for an epoch of the last one."""
    epoch, settings = loop._epoch, {**_NEEDS_OF_DATA, **_NEEDS_OF_MODEL}
    try:
        for past in range(epoch):
            last = past + 1 == epoch >= loop.max_epochs
            loop._epoch = past
            for hook in runner.hooks:
                if is_stock(hook, _ACT_ONCE) or last and is_stock(hook, settings):
                    hook.before_train_epoch(runner)
    finally:
        loop._epoch = epoch


def _of(hook: Hook, table: dict[str, Any]) -> Any:
    """What a table says of a hook."""
    return next((value for name, value in table.items() if is_stock(hook, [name])), None)
