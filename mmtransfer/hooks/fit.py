"""Whether a checkpoint fits a run that resumes or tests it: checked before any of it is loaded."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmtransfer.checkpoints.tensors import check_values


def check_config(
    checkpoint: Mapping, mine: Mapping[str, str], former: Sequence[Mapping[str, str]]
) -> None:
    """Raise ValueError unless a checkpoint was written with the config that resumes it.

    Args:
        checkpoint: As it was loaded.
        mine: Digests of the config's parts.
        former: The same as versions before this one have noted it.
    """
    theirs = checkpoint.get('mmtransfer', {}).get('config')
    if theirs is None:
        raise ValueError(
            'only a checkpoint written by mmtransfer.CheckpointHook can be resumed; this one '
            'does not say which config it belongs to. Start again, with load_from to take its '
            'weights.'
        )
    known = [mine, *former]
    differing = [p for p in mine if theirs.get(p) not in {d.get(p) for d in known}]
    if differing:
        raise ValueError(
            f'a run must be resumed with the config that began it; the checkpoint is of '
            f'another config: {", ".join(differing)} differ. Use that config, or another '
            f'work_dir (with load_from to take the weights).'
        )


def check_complete(runner: Any, checkpoint: Mapping) -> None:
    """Raise ValueError where a checkpoint lacks a part that MMEngine would silently do without."""
    needed = ['state_dict', 'meta', 'message_hub', 'optimizer']
    schedulers = runner.param_schedulers or []
    if any(schedulers.values() if isinstance(schedulers, dict) else schedulers):
        needed.append('param_schedulers')
    missing = [part for part in needed if part not in checkpoint]
    if missing:
        raise ValueError(
            f'a checkpoint must hold {", ".join(needed)} to be resumed; it lacks '
            f'{", ".join(missing)}. It was written with save_optimizer=False or '
            f'save_param_scheduler=False (default_hooks.checkpoint), or stripped afterwards. '
            f'Resume another one, or start again with load_from to take its weights.'
        )


def check_optimizer(state: Any) -> None:
    """Raise ValueError where a tensor in the state of the optimisers is not finite."""
    broken = [n for n, t in tensors_in(state, 'optimizer').items() if not torch.isfinite(t).all()]
    if broken:
        raise ValueError(
            f'the state of the optimiser must be finite; {len(broken)} tensors of the checkpoint '
            f'are not, such as {broken[0]}. The training had diverged: resume an earlier one.'
        )


def tensors_in(value: Any, name: str = '') -> dict[str, Tensor]:
    """The tensors anywhere inside a value, by the path to each."""
    if isinstance(value, Tensor):
        return {name: value}
    items: Iterable = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    found: dict[str, Tensor] = {}
    for key, part in items:
        found |= tensors_in(part, f'{name}.{key}' if name else str(key))
    return found


def check_tensors(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless a state dict holds exactly the tensors of a model: names, shapes, and
    values that can be used.

    MMEngine would skip one of another shape with a line in the log, and load NaN.

    Args:
        model: Unwrapped.
        state: Of a checkpoint, as it was saved.
    """
    have = {k.removeprefix('module.'): v for k, v in state.items()}
    need = model.state_dict()
    if have.keys() != need.keys():
        raise ValueError(
            f'the checkpoint must hold exactly the tensors of the model; missing: '
            f'{sorted(need.keys() - have.keys())[:5]}, unexpected: '
            f'{sorted(have.keys() - need.keys())[:5]}. It is of another architecture (another '
            f'file, or other model.backbone.blocks), or of another version of the model.'
        )
    other = [k for k in need if have[k].shape != need[k].shape]
    if other:
        raise ValueError(
            f'the tensors of the checkpoint must have the shapes of the model; {len(other)} '
            f'differ, such as {other[0]}: {tuple(have[other[0]].shape)} there, '
            f'{tuple(need[other[0]].shape)} here. Has the architecture file changed since? '
            f'Put the old one back, or use another work_dir.'
        )
    check_values(have, need)
