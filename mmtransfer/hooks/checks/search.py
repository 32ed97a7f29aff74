"""What a search needs of its config, checked before anything is built for it.

A search config inherits a toolbox's and takes each key over by a line of its own, such as
``param_scheduler = _base_.search.param_scheduler``. Where a line is forgotten the toolbox's own
setting stays, which fails late or searches something else in silence. Each check says which line.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import BaseLoop
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mmtransfer.backbones import supernets_in
from mmtransfer.hooks.checkpoint import CheckpointHook
from mmtransfer.models import unwrap

# Keys of an optim_wrapper that are no optimisers.
_SETTINGS = {'constructor', 'paramwise_cfg', 'type'}


class SearchConfigError(ValueError):
    """A search config that cannot be run as it stands."""


def find_supernet(model: nn.Module) -> Any:
    """The one module of a model that has architecture parameters."""
    found = supernets_in(model)
    if len(found) != 1:
        raise SearchConfigError(
            f'a search needs exactly one supernet in the model (such as backbone=dict(type='
            f"'mmtransfer.FNASupernet')); found {len(found)}."
        )
    return found[0]


def check_loop(runner: Any) -> None:
    """Refuse a search that would be trained by a loop that does not search.

    Args:
        runner: Before a run, its optimisers built.

    Raises:
        SearchConfigError: Says which loop it is, and names the line to add.
    """
    loop, supernets = runner._train_loop, supernets_in(unwrap(runner.model))
    if not supernets or not isinstance(loop, BaseLoop) or hasattr(loop, 'supernet'):
        return
    told = [type(hook).__name__ for hook in runner.hooks if getattr(hook, 'of_searches', False)]
    parts = isinstance(runner.optim_wrapper, OptimWrapperDict)
    if told or parts:
        base = 'search' if any(s.architecture_parameters() for s in supernets) else 'greedy'
        what = 'optim_wrapper has the parts of a search' if parts else f'{told[0]} is for searches'
        raise SearchConfigError(
            f'train_cfg of a search must have a loop that searches; received '
            f'{type(loop).__name__}, while {what}. {_line(base, "train_cfg")}'
        )


def check_taken_over(
    optim_wrapper: Any, param_scheduler: Any, hooks: Iterable[Hook], base: str = 'search'
) -> None:
    """Refuse a config in which a setting of the toolbox's stands in the place of the search's.

    Args:
        optim_wrapper, param_scheduler: As the runner has them: configs, or built.
        hooks: Of the runner.
        base: The variable of our base configs that holds what a search replaces.

    Raises:
        SearchConfigError: Says what is there and names the line to add.
    """
    parts = check_optim_wrapper(optim_wrapper, base)
    check_param_scheduler(param_scheduler, parts, base)
    check_checkpoint_hook(hooks, base)


def check_optim_wrapper(given: Any, base: str = 'search') -> set[str]:
    """The parts of a search's optim_wrapper, ``weights`` and maybe ``arch``.

    Raises:
        SearchConfigError: It is that of an ordinary training.
    """
    built = isinstance(given, OptimWrapperDict)
    parts = set(given.keys()) if built or isinstance(given, Mapping) else set()
    if 'weights' not in parts or not built and 'constructor' not in parts:
        raise SearchConfigError(
            f'optim_wrapper of a search must hold the parts "weights" and "arch" (without logits '
            f'"weights" alone) and a constructor that builds them; received '
            f'{sorted(parts) or type(given).__name__}, as an ordinary training has it. '
            f'{_line(base, "optim_wrapper")}'
        )
    return parts - _SETTINGS


def check_param_scheduler(given: Any, parts: Collection[str], base: str = 'search') -> None:
    """Refuse schedules that would change the rate of the logits without having been asked to.

    MMEngine applies schedules that name no optimiser to every one.

    Args:
        given: The param_scheduler; None: all rates stay as they are.
        parts: Of the optim_wrapper.
        base: See :func:`check_taken_over`.

    Raises:
        SearchConfigError: They do, or they do not say which part they are for.
    """
    if given is None:
        return
    if not isinstance(given, Mapping) or 'type' in given:
        if 'arch' in parts:
            schedules = given if isinstance(given, Sequence) else [given]
            kinds = [s['type'] if isinstance(s, Mapping) else s for s in schedules]
            raise SearchConfigError(
                f'param_scheduler of a search must name the part that each schedule is for, '
                f'dict(weights=[...], arch=[...]); received {kinds} for all, which would change '
                f'the learning rate of the logits too. {_line(base, "param_scheduler")}'
            )
        return
    idle = {name for name, schedules in given.items() if name not in parts and schedules}
    missing = set(parts) - set(given)
    if idle or missing:
        raise SearchConfigError(
            f'param_scheduler must have the parts of optim_wrapper, {sorted(parts)}; received '
            f'{sorted(given)}. Write an empty list for a part whose rate stays as it is. '
            f'{_line(base, "param_scheduler")}'
        )


def check_checkpoint_hook(hooks: Iterable[Hook], base: str = 'search') -> None:
    """Refuse a search that would leave no architecture.json and could not be resumed exactly.

    Raises:
        SearchConfigError: None of the hooks is our CheckpointHook.
    """
    if not any(isinstance(hook, CheckpointHook) for hook in hooks):
        raise SearchConfigError(
            f'a search needs default_hooks.checkpoint to be a mmtransfer.CheckpointHook, which '
            f'writes architecture.json and says in each checkpoint what the search knew; there is '
            f'none. {_line(base, "default_hooks")}'
        )


def check_wrapper(model: nn.Module) -> None:
    """Refuse a model wrapper that expects a gradient of every parameter in every step.

    Raises:
        SearchConfigError: Names the wrapper, and ours.
    """
    if isinstance(model, DistributedDataParallel) and not model.find_unused_parameters:
        raise SearchConfigError(
            f'on several ranks a search needs a model wrapper for steps in which only some '
            f'parameters take part; received {type(model).__name__} with '
            f"find_unused_parameters=False. Set model_wrapper_cfg=dict(type='mmtransfer."
            f"AverageGradients')."
        )


def _line(base: str, key: str) -> str:
    return f'Is the line missing that takes it over? Add `{key} = _base_.{base}.{key}`.'


def check_settings(cfg: Mapping[str, Any], arch_begin: int | None, alternation: Any) -> None:
    """Refuse settings that would make a search wrong rather than fail.

    Args:
        cfg: The whole config.
        arch_begin, alternation: Of :class:`SearchLoop`.

    Raises:
        SearchConfigError: Names the setting.
    """
    if arch_begin is not None and arch_begin < 0:
        raise SearchConfigError(f'arch_begin must be an epoch >= 0; received {arch_begin}.')
    if len(alternation) != 2 or min(alternation) < 1:
        raise SearchConfigError(
            f'alternation must be (architecture steps, weight steps), both at least 1; received '
            f'{tuple(alternation)}.'
        )
    if cfg.get('activation_checkpointing'):
        raise SearchConfigError(
            'activation_checkpointing must not be set in a search: it recomputes re-entrantly, '
            'under whatever path is selected by then. Use model.backbone.with_cp=True instead.'
        )


def check_searcher(
    asks: bool, arch_begin: int | None, evaluation: dict | None, regularisers: Sequence
) -> None:
    """Refuse settings that one kind of searcher would ignore in silence.

    Args:
        asks: Whether the searcher asks for candidates.
        arch_begin, evaluation, regularisers: Of :class:`SearchLoop`; the last ones built.

    Raises:
        SearchConfigError: Names them.
    """
    if not asks:
        if arch_begin is None or evaluation is not None:
            raise SearchConfigError(
                f'a searcher that learns by architecture steps needs arch_begin, and no '
                f'evaluation; received arch_begin={arch_begin}, evaluation={evaluation}. Set '
                f'them so, or use a searcher that scores candidates (mmtransfer.RandomSearcher).'
            )
        return
    idle = [r.name for r in regularisers if 'weights' not in r.acts_in]
    if arch_begin is not None or idle:
        raise SearchConfigError(
            f'a searcher that scores candidates takes no architecture steps, so arch_begin must be '
            f'None and no regulariser may act in them alone; received arch_begin={arch_begin}, '
            f'regularisers {idle}. Set arch_begin=None, regularisers=[], and bound the cost by '
            f'searcher.target or searcher.maximum.'
        )
