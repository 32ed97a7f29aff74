"""What a search needs of its config, checked before anything is built for it.

A search config inherits a toolbox's and takes over what waits in a variable of ours: all of it by
``globals().update(_base_.search)``, a key alone by ``train_cfg = _base_.search.train_cfg``. Where
that is forgotten the toolbox's own setting stays, which fails late or searches something else in
silence. Each check says what is missing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from inspect import signature
from typing import Any

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import BaseLoop
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mmtransfer.backbones import supernets_in
from mmtransfer.hooks.checkpoint import CheckpointHook
from mmtransfer.models import Supernet, unwrap
from mmtransfer.registry import SEARCHERS, named_type
from mmtransfer.search import SearchConfigError

# Keys of an optim_wrapper that are no optimisers.
_SETTINGS = {'constructor', 'paramwise_cfg', 'type'}


def find_supernet(model: nn.Module) -> Supernet:
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


def check_taken_over(runner: Any, supernet: Supernet, kinds: Collection[str]) -> None:
    """Refuse a config in which a setting of the toolbox's stands in the place of the search's.

    Args:
        runner: Its optimisers and schedules are configs, or built.
        supernet: Decides which of our base configs has what a search replaces.
        kinds: Of the steps that the searcher plans.

    Raises:
        SearchConfigError: Says what is there and names the line to add.
    """
    base = 'search' if supernet.architecture_parameters() else 'greedy'
    parts: set[str] = set()
    if 'joint' in kinds:
        check_one_optimiser(runner.optim_wrapper)
    else:
        parts = check_optim_wrapper(runner.optim_wrapper, base)
    check_param_scheduler(runner.param_schedulers, parts, base)
    check_checkpoint_hook(runner.hooks, base)


def check_one_optimiser(given: Any) -> None:
    """Refuse an optim_wrapper in parts where one step trains weights and architecture parameters.

    Raises:
        SearchConfigError: Names the parts.
    """
    parts = set(given.keys()) if isinstance(given, OptimWrapperDict | Mapping) else set()
    if isinstance(given, OptimWrapperDict) or 'weights' in parts:
        raise SearchConfigError(
            f'a searcher with joint steps needs one ordinary optim_wrapper, which trains weights '
            f'and architecture parameters together; received {sorted(parts - _SETTINGS)}. '
            f"Set optim_wrapper=dict(_delete_=True, type='OptimWrapper', optimizer=...), or leave "
            f'that of the base config.'
        )


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
        base: See ``check_taken_over``.

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
    return (
        f'Is the line missing that takes it over? Add `{key} = _base_.{base}.{key}`, or '
        f'`globals().update(_base_.{base})` for all that waits there.'
    )


def check_model(runner: Any) -> None:
    """Refuse what would make a search of any model wrong rather than fail.

    Raises:
        SearchConfigError: Names the setting.
    """
    if runner.cfg.get('activation_checkpointing'):
        raise SearchConfigError(
            'activation_checkpointing must not be set in a search: it recomputes re-entrantly, '
            'under whatever path is selected by then. Use model.backbone.with_cp=True instead.'
        )
    check_wrapper(runner.model)


def searcher_config(
    given: Mapping[str, Any],
    only: str | None,
    arch_begin: int | None,
    alternation: Sequence[int] | None,
) -> dict[str, Any]:
    """The config of a searcher, with what earlier configs write beside it.

    Args:
        given: ``train_cfg.searcher``.
        only: Name of the one searcher that the loop takes; None: it takes any.
        arch_begin, alternation: Of ``train_cfg``; None: not given.

    Raises:
        SearchConfigError: It is another searcher, or the settings do not belong to it.
    """
    kind = named_type(given, SEARCHERS, 'mmtransfer')
    name = getattr(kind, '__name__', given.get('type'))
    if only is not None and name != only:
        raise SearchConfigError(
            f'a greedy search needs searcher.type to be mmtransfer.{only}; received '
            f'{given.get("type")!r}. Use it, or train_cfg.type=mmtransfer.SearchLoop.'
        )
    takes = signature(kind).parameters if callable(kind) else {}
    if 'arch_begin' not in takes:
        if arch_begin is not None:
            raise SearchConfigError(
                f'arch_begin must be None for a searcher that does not alternate, as {name}; '
                f'received arch_begin={arch_begin}. Set arch_begin=None, regularisers=[] where '
                f'they act in architecture steps, and bound the cost by searcher.target or '
                f'searcher.maximum.'
            )
        return dict(given)
    beside = {'arch_begin': arch_begin, 'alternation': alternation}
    found = {**{k: v for k, v in beside.items() if v is not None}, **given}
    if found.get('arch_begin') is None:
        raise SearchConfigError(
            f'a searcher that learns by architecture steps needs arch_begin; received arch_begin='
            f'{arch_begin}. Set it, or use a searcher that scores candidates '
            f'(mmtransfer.RandomSearcher).'
        )
    return found


def split_settings(split: Mapping[str, Any] | None, searcher: Any) -> tuple[Any, int]:
    """What a search holds out, and the seed of the split; None: nothing.

    Raises:
        SearchConfigError: Unknown keys, or a split for a searcher that holds nothing out.
    """
    given = dict(split or {})
    share, seed = given.pop('arch', 0.5), given.pop('seed', 0)
    if given:
        raise SearchConfigError(f'split may hold "arch" and "seed"; received also {sorted(given)}.')
    if searcher.holds_out:
        return share, seed
    if split:
        raise SearchConfigError(
            f'split must be None for a {type(searcher).__name__}, which learns from the whole '
            f'training set and reads no other part; received {dict(split)}. Set '
            f'train_cfg.split=None.'
        )
    return None, seed


def check_searcher(
    searcher: Any, supernet: Supernet, evaluation: dict | None, regularisers: Sequence
) -> None:
    """Refuse settings that a searcher would ignore in silence, and a supernet that it cannot use.

    Args:
        searcher: As it was built.
        supernet: Of the model.
        evaluation: Of ``SearchLoop``.
        regularisers: Of the search, built.

    Raises:
        SearchConfigError: Names them.
    """
    name = type(searcher).__name__
    if evaluation is not None and not searcher.candidates:
        raise SearchConfigError(
            f'evaluation must be None for a searcher that scores no candidates, as {name}; '
            f'received {evaluation}. Leave it out, or use a searcher that scores candidates '
            f'(mmtransfer.RandomSearcher).'
        )
    idle = [r.name for r in regularisers if not set(r.acts_in) & set(searcher.kinds)]
    if idle:
        raise SearchConfigError(
            f'a regulariser must act in a kind of step that the searcher plans, which of a {name} '
            f'are {", ".join(searcher.kinds)}; received regularisers {idle}. Set regularisers=[], '
            f'and bound the cost by searcher.target or searcher.maximum.'
        )
    if set(searcher.kinds) & {'arch', 'joint'} and not supernet.architecture_parameters():
        raise SearchConfigError(
            f'a searcher that learns by architecture steps needs a supernet with logits; '
            f'{type(supernet).__name__} has none. Set model.backbone.differentiable=True, or use '
            f'a searcher that scores candidates.'
        )
