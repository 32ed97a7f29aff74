"""The optimisers of a search: one for the weights and one for the architecture parameters, or one
for both."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import (
    AmpOptimWrapper,
    OptimWrapper,
    OptimWrapperDict,
    build_optim_wrapper,
)
from torch import nn

from mmtransfer.backbones import supernets_in
from mmtransfer.engine.amp import RegularisedAmpOptimWrapper
from mmtransfer.engine.optim import RegularisedOptimWrapper
from mmtransfer.models import unwrap
from mmtransfer.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS

# MMEngine's wrappers -> ours that do the same and take regularisers.
_OURS = {OptimWrapper: RegularisedOptimWrapper, AmpOptimWrapper: RegularisedAmpOptimWrapper}


@contextmanager
def _without_logits(model: nn.Module) -> Iterator[list[nn.Parameter]]:
    """The model while its architecture parameters are out of sight, so that no weight optimiser and
    no ``paramwise_cfg`` can take them up."""
    owners: list[Any] = supernets_in(model)
    logits = [p for m in owners for p in m.architecture_parameters()]
    hidden = [(m, m._modules.pop('logits')) for m in owners if m.architecture_parameters()]
    try:
        yield logits
    finally:
        for module, parameters in hidden:
            module._modules['logits'] = parameters


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SearchOptimWrapperConstructor:
    """Two optimisers for one model: ``weights`` for all operation weights, ``arch`` for the logits.

    Args:
        optim_wrapper_cfg: ``dict(weights=dict(type=..., optimizer=...), arch=dict(...))``; each
            part is what ``optim_wrapper`` is in an ordinary config, ``paramwise_cfg`` included.
            MMEngine's OptimWrapper and AmpOptimWrapper stand for ours. Without ``arch`` for a
            supernet that has no logits (block allocation).
        paramwise_cfg: Must be None: it belongs into ``weights``.

    Raises:
        ValueError: A part is missing or unknown, its wrapper takes no regularisers, or the model
            has no architecture parameters.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        parts = set(optim_wrapper_cfg)
        if not {'weights'} <= parts <= {'weights', 'arch'} or paramwise_cfg is not None:
            raise ValueError(
                'the optim_wrapper of a search must hold exactly the parts "weights" and "arch" '
                f'(and type, paramwise_cfg, clip_grad and loss_scale inside them); received '
                f'{sorted(optim_wrapper_cfg)}, paramwise_cfg={paramwise_cfg}. If the others come '
                f'from a base config, add _delete_=True.'
            )
        self.cfg = {name: _with_our_type(name, optim_wrapper_cfg[name]) for name in parts}

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        """Build both wrappers; together they hold every parameter exactly once."""
        module = unwrap(model)
        with _without_logits(module) as logits:
            if not supernets_in(module):
                raise ValueError(
                    'a search needs a supernet as the backbone (such as mmtransfer.FNASupernet); '
                    'the model has no architecture parameters.'
                )
            if bool(logits) != ('arch' in self.cfg):
                raise ValueError(
                    f'optim_wrapper and param_scheduler of a search have a part "arch" exactly '
                    f'where the supernet has logits; it has {len(logits)} vectors of them, and '
                    f'optim_wrapper has the parts {sorted(self.cfg)}. Add it, or leave it out (a '
                    f'DepthSupernet has logits with differentiable=True).'
                )
            weights = build_optim_wrapper(module, dict(self.cfg['weights'], kind='weights'))
        if not logits:
            return OptimWrapperDict(weights=weights)
        arch = build_optim_wrapper(nn.ParameterList(logits), dict(self.cfg['arch'], kind='arch'))
        return OptimWrapperDict(weights=weights, arch=arch)


def take_ordinary(runner: Any, kinds: Sequence[str]) -> None:
    """Build the optimiser of a search that has one for all that learns, with our wrapper.

    The architecture parameters decay by no weight decay, whatever the config says of others.

    Args:
        runner: Its ``optim_wrapper`` is an ordinary one where the searcher plans joint steps.
        kinds: Of the steps that the searcher plans.

    Raises:
        ValueError: Its wrapper takes no regularisers.
    """
    if 'joint' not in kinds:
        return
    take_regularisers(runner, kind='joint')
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    logits = [p for m in supernets_in(unwrap(runner.model)) for p in m.architecture_parameters()]
    spare_from_decay(runner.optim_wrapper.optimizer, logits)


def take_regularisers(runner: Any, **settings: Any) -> None:
    """Let the ordinary ``optim_wrapper`` of a runner be built as one that takes regularisers.

    Raises:
        ValueError: Its wrapper is another one, or built already, or there are several.
    """
    given = runner.optim_wrapper
    if isinstance(given, RegularisedOptimWrapper):
        return
    if isinstance(given, OptimWrapper | OptimWrapperDict) or given is None:
        raise ValueError(
            f'regularisers need one optim_wrapper that takes them, a '
            f'mmtransfer.RegularisedOptimWrapper; received {type(given).__name__}. Give its config.'
        )
    runner.optim_wrapper = dict(_with_our_type('', given), **settings)


def spare_from_decay(optimizer: torch.optim.Optimizer, spared: Sequence[nn.Parameter]) -> None:
    """Give parameters groups of their own, without weight decay and otherwise as they are."""
    ids = {id(p) for p in spared}
    for group in list(optimizer.param_groups):
        mine = [p for p in group['params'] if id(p) in ids]
        if not mine or not group.get('weight_decay'):
            continue
        group['params'] = [p for p in group['params'] if id(p) not in ids]
        own = {k: v for k, v in group.items() if k != 'params'}
        if group['params']:
            optimizer.add_param_group({**own, 'params': mine, 'weight_decay': 0.0})
        else:
            group.update(params=mine, weight_decay=0.0)


def _with_our_type(part: str, cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a wrapper with the class that is built.

    Raises:
        ValueError: A wrapper that takes no regularisers.
    """
    key = f'optim_wrapper.{part}'.rstrip('.')
    given = cfg.get('type', 'OptimWrapper')
    kind: Any = OPTIM_WRAPPERS.get(given) if isinstance(given, str) else given
    ours = _OURS.get(kind, kind)
    if not (isinstance(ours, type) and issubclass(ours, RegularisedOptimWrapper)):
        raise ValueError(
            f'{key}.type must be OptimWrapper, AmpOptimWrapper (mixed precision) or '
            f'a subclass of mmtransfer.RegularisedOptimWrapper, which add the regularisers of a '
            f'search to its loss; received {given!r}. Use one of them.'
        )
    return dict(cfg, type=ours)
