"""The tensors of a checkpoint: which of those in the file, under which names, and fit for use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mmtransfer.checkpoints.errors import CheckpointError
from mmtransfer.checkpoints.reading import read_checkpoint, type_name
from mmtransfer.checkpoints.refusal import WRAPPERS


def load_tensors(
    checkpoint: str | os.PathLike, key: str | None = None, prefix: str = ''
) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, on the CPU.

    Args:
        checkpoint: Whatever ``mmtransfer.checkpoints.address.resolve`` takes.
        key: Where in the file they are, such as ``'teacher'``, ``'student'`` or ``'model_ema'``; by
            default ``'state_dict'``, ``'model'`` or one of the other usual names, if it is there.
        prefix: Only the tensors whose names begin so, ``'backbone.'``, are taken, without it.

    Returns:
        The state dict, without the ``module.`` and ``_orig_mod.`` that distributed training and
        ``torch.compile`` put into the names.

    Raises:
        CheckpointError: As ``read_checkpoint``; or the file holds something else.
    """
    return tensors_of(read_checkpoint(checkpoint), os.fspath(checkpoint), key, prefix)


def tensors_of(
    content: Mapping[str, Any], origin: str, key: str | None = None, prefix: str = ''
) -> dict[str, Tensor]:
    """The tensors by name in the content of a checkpoint; see ``load_tensors``.

    Args:
        content: What ``read_checkpoint`` returned.
        origin: Name of the file, for errors.
        key: As of ``load_tensors``.
        prefix: As of ``load_tensors``.
    """
    taken = _key(content, origin, key)
    _tell_of_averages(content, origin, taken)
    state = content if taken is None else content[taken]
    named = {_plain_name(n) if isinstance(n, str) else n: value for n, value in state.items()}
    if len(named) < len(state):
        raise CheckpointError(
            f"'{origin}' must hold every name once, without 'module.' and '_orig_mod.'; it holds "
            f'{len(state)} tensors of {len(named)} names. Save the state dict of one model.'
        )
    if prefix:
        named = _below(named, prefix if prefix.endswith('.') else f'{prefix}.', origin)
    wrong = {n: v for n, v in named.items() if not (isinstance(n, str) and isinstance(v, Tensor))}
    if wrong or not named:
        raise CheckpointError(_no_state(content, origin, taken, wrong))
    return named


def check_values(
    found: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    names: Mapping[str, str] | None = None,
    origin: str | os.PathLike = 'the checkpoint',
) -> None:
    """Raise CheckpointError unless tensors can stand for those of a module, value by value.

    Where the module has floats they must be floats, finite in the module's own precision; and all
    must be dense. Shapes are not compared.

    Args:
        found: Tensors by the module's names; names that it does not have are not looked at.
        own: The module's state dict.
        names: The module's name -> the file's name, for the message, where they differ.
        origin: Name of the file, for the message.
    """
    faults = {}
    for name in found.keys() & own.keys():
        if fault := _fault(found[name].detach(), own[name].detach()):
            faults[(names or {}).get(name, name)] = fault
    if faults:
        first = sorted(faults)[:5]
        more = f'; and {len(faults) - 5} more' if len(faults) > 5 else ''
        raise CheckpointError(
            f'the tensors of {os.fspath(origin)} must be dense, of the kind that the model has and '
            f'finite; {", ".join(f"{n} {faults[n]}" for n in first)}{more}. Nothing was loaded. '
            f'The training that wrote it had diverged, or the file is of something else: use an '
            f'earlier checkpoint.'
        )


def _fault(found: Tensor, own: Tensor) -> str | None:
    if found.layout != torch.strided or found.is_quantized or found.is_meta or found.is_nested:
        return f'is not dense ({str(found.layout).removeprefix("torch.")}, {found.device})'
    floats = own.is_floating_point()
    if floats and not found.is_floating_point() or found.is_complex() > own.is_complex():
        wanted, dtype = ('float' if floats else str(own.dtype)), str(found.dtype)
        return f'is {dtype.removeprefix("torch.")}, not {wanted.removeprefix("torch.")}'
    if not (found.is_floating_point() or found.is_complex()):
        return None
    wrong = ~torch.isfinite(found.to(own.dtype) if floats else found.float())
    if not wrong.any():
        return None
    if floats and own.shape == found.shape:  # such as the -inf of a mask, which is the model's own
        wrong &= torch.isfinite(own).to(wrong.device)
    number = int(wrong.sum())
    return f'holds {number} values that are NaN or infinite' if number else None


def _key(content: Mapping[str, Any], origin: str, key: str | None) -> str | None:
    """Where in a file the tensors are; None: at the top."""
    if key is None:
        return next((k for k in WRAPPERS if isinstance(content.get(k), Mapping)), None)
    if not isinstance(content.get(key), Mapping):
        raise CheckpointError(
            f"key must name a state dict in '{origin}'; {key!r} is "
            f'{type_name(content[key]) if key in content else "not there"}. {_states_in(content)}'
        )
    return key


def _states_in(content: Mapping[str, Any]) -> str:
    found = [k for k, value in content.items() if _is_state(value)]
    if not found:
        return 'No key of the file holds tensors by name.'
    return f'These keys hold tensors by name: {", ".join(map(repr, found))}; set key to one.'


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(v, Tensor) for v in value.values())


def _tell_of_averages(content: Mapping[str, Any], origin: str, taken: str | None) -> None:
    """Write to the log that a file has averaged weights beside those taken."""
    averaged = [
        k
        for k, value in content.items()
        if k != taken and isinstance(k, str) and 'ema' in k.lower().split('_') and _is_state(value)
    ]
    if taken is None or not averaged:
        return
    from mmengine.logging import print_log

    note = (
        "MMEngine's EMAHook puts the averaged weights into 'state_dict'"
        if (taken, averaged) == ('state_dict', ['ema_state_dict'])
        else f'to take averaged weights, set key={averaged[0]!r}'
    )
    print_log(
        f"'{origin}' holds {', '.join(map(repr, averaged))} beside '{taken}', which is taken; "
        f'{note}',
        'current',
    )


def _plain_name(name: str) -> str:
    name = '.'.join(part for part in name.split('.') if part != '_orig_mod')
    while name.startswith('module.'):
        name = name.removeprefix('module.')
    return name


def _below(named: Mapping[str, Any], prefix: str, origin: str) -> dict[str, Any]:
    found = {
        _plain_name(name.removeprefix(prefix)): value
        for name, value in named.items()
        if isinstance(name, str) and name.startswith(prefix)
    }
    if not found:
        first = dict.fromkeys(f'{name}'.partition('.')[0] for name in named)
        raise CheckpointError(
            f"prefix must begin the name of a tensor in '{origin}'; {prefix!r} begins none. The "
            f'names begin with {", ".join(list(first)[:8]) or "nothing"}.'
        )
    return found


def _no_state(
    content: Mapping[str, Any], origin: str, taken: str | None, wrong: Mapping[Any, Any]
) -> str:
    first = ', '.join(f'{k!r}: {type_name(v)}' for k, v in list(wrong.items())[:5]) or 'nothing'
    usual = ', '.join(map(repr, WRAPPERS[:3]))
    states = '' if taken is not None or not wrong else f' {_states_in(content)}'
    return (
        f"'{origin}' must hold a state dict, tensors by name, at the top or under one of the usual "
        f'keys ({usual}, ...); found {first}.{states} Save it as '
        'torch.save(model.state_dict(), path).'
    )
