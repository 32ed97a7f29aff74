"""Checkpoints of the right names and shapes that compute something else, as far as they tell.

A checkpoint's own config says how its network computed; it is text, of which only literals are
read. Its tensors say little: a network converted from Caffe shows in its norms.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from mmtransfer.remap.sources import architecture_or_space
from mmtransfer.seeds.namings import SeedCheckpointError

_LONGEST = 1_000_000  # characters of a config that are read


def check_computes(
    backbone: Any,
    content: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    origin: str,
    said: bool = False,
) -> None:
    """Raise SeedCheckpointError where a checkpoint says that its backbone computes something else.

    Args:
        backbone: Of ours, with ``seed``, ``norm_cfg`` and ``act_cfg``.
        content: Of the checkpoint.
        tensors: Those of the backbone, by any names.
        origin: Path of the checkpoint.
        said: The user said which network it holds.
    """
    two_styles = backbone.seed.kind.two_styles
    reasons = [*_of_settings(backbone, backbone_settings(content), two_styles)]
    record = content.get('mmtransfer')
    written = record.get('architecture') if isinstance(record, Mapping) else None
    target, space = architecture_or_space(backbone)
    own = (space if target is None else target).seed
    if isinstance(written, Mapping) and written.get('seed') != own and not said:
        reasons.append(f'it is of a network around {written.get("seed")}')
    if two_styles and _folded(tensors):
        reasons.append(
            'its norms have mean 0 and variance 1 throughout, as in networks converted from Caffe, '
            'which have the stride in the first convolution of a block and read BGR images of 0 to '
            '255'
        )
    _refuse(reasons, f'the {backbone.seed.name} of the config', origin)


def check_images(preprocessor: Any, content: Mapping[str, Any], origin: str) -> None:
    """Raise SeedCheckpointError where a checkpoint was trained on images prepared otherwise.

    Args:
        preprocessor: The model's ``data_preprocessor``; what says nothing is left alone.
        content: Of the checkpoint.
        origin: Its path.
    """
    theirs, ours = _their_images(content), _our_images(preprocessor)
    reasons = [
        f'it was trained on images with {name} {theirs[name]}, the config gives {ours[name]}'
        for name in theirs.keys() & ours.keys()
        if _differ(theirs[name], ours[name])
    ]
    _refuse(sorted(reasons), "the config's data_preprocessor", origin)


def _refuse(reasons: list[str], what: str, origin: str) -> None:
    if reasons:
        raise SeedCheckpointError(
            f"'{origin}' has the names and shapes of the network, but does not compute what {what} "
            f'does: {"; ".join(reasons)}. Give another checkpoint or adapt the config. To take it '
            f'all the same, save its state dict alone: torch.save(content["state_dict"], path).'
        )


def _of_settings(backbone: Any, theirs: Mapping[str, Any], two_styles: bool) -> Iterator[str]:
    """What a backbone's settings in the checkpoint's config say against ours."""
    if two_styles and theirs.get('style') == 'caffe':
        yield "style='caffe': the stride is in the first convolution of a block, here in the second"
    act = _typed(theirs.get('act_cfg'))
    if act not in (None, backbone.act_cfg['type']):
        yield f'its activation is {act}, here {backbone.act_cfg["type"]}'
    norm = theirs.get('norm_cfg')
    eps = norm.get('eps') if isinstance(norm, Mapping) else None
    if eps not in (None, backbone.norm_cfg['eps']):
        yield f'the eps of its norms is {eps}, here {backbone.norm_cfg["eps"]}'


def _typed(config: Any) -> str | None:
    return config.get('type') if isinstance(config, Mapping) else None


def _folded(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the statistics of all norms are those of none, but not their weights."""
    variances = [t for n, t in tensors.items() if n.endswith('running_var')]
    means = [t for n, t in tensors.items() if n.endswith('running_mean')]
    weights = [t for n, t in tensors.items() if n.endswith('weight') and t.dim() == 1]
    return (
        bool(variances)
        and all(bool((t == 0).all()) for t in means)
        and all(bool(((t - 1).abs() < 1e-3).all()) for t in variances)
        and any(bool((t != 1).any()) for t in weights)
    )


def backbone_settings(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments of the backbone in a checkpoint's own config; empty where it has none."""
    model = config_of(content).get('model')
    while isinstance(model, Mapping) and not isinstance(model.get('backbone'), Mapping):
        model = model.get('detector')  # of a semi-supervised one
    return model['backbone'] if isinstance(model, Mapping) else {}


def config_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """The literals of a checkpoint's own config, which MMEngine and MMCV 1 keep as text."""
    meta = content.get('meta')
    text = None
    if isinstance(meta, Mapping):
        text = next((meta[k] for k in ('cfg', 'config') if isinstance(meta.get(k), str)), None)
    if text is None or len(text) > _LONGEST:
        return {}
    try:
        statements = ast.parse(text).body
        known: dict[str, Any] = {}
        for statement in statements:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                known[statement.targets[0].id] = _literal(statement.value, known)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return known


def _literal(node: ast.AST, known: Mapping[str, Any]) -> Any:
    """The value of an expression of literals, ``dict(...)`` and earlier names; None of others."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List | ast.Tuple):
        return [_literal(item, known) for item in node.elts]
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _literal(node.operand, known)
        return -value if isinstance(value, int | float) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        return {k.arg: _literal(k.value, known) for k in node.keywords if k.arg is not None}
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        keyed = ((_literal(k, known), v) for k, v in pairs if k is not None)
        return {k: _literal(v, known) for k, v in keyed if isinstance(k, str)}
    return None


def _their_images(content: Mapping[str, Any]) -> dict[str, Any]:
    """How a checkpoint's config prepares images: mean, std and the order of colours."""
    config = config_of(content)
    model = config.get('model')
    found = model.get('data_preprocessor') if isinstance(model, Mapping) else None
    if not isinstance(found, Mapping):
        found = config.get('img_norm_cfg')  # MMDetection 2
        if not isinstance(found, Mapping):
            return {}
        found = {**found, 'bgr_to_rgb': found.get('to_rgb', True)}
    images = {name: found[name] for name in ('mean', 'std') if _numbers(found.get(name))}
    swaps = found.get('bgr_to_rgb') or found.get('rgb_to_bgr')
    return {**images, 'colours': 'RGB' if swaps else 'BGR'} if images else {}


def _our_images(preprocessor: Any) -> dict[str, Any]:
    """The same of a model's ``data_preprocessor``."""
    images: dict[str, Any] = {}
    for name in ('mean', 'std'):
        value = getattr(preprocessor, name, None)
        if isinstance(value, Tensor) and value.numel() == 3:
            images[name] = [round(v, 4) for v in value.flatten().tolist()]
    names = ('_channel_conversion', 'channel_conversion')  # MMEngine's, MMSegmentation's
    swaps = next((getattr(preprocessor, n) for n in names if hasattr(preprocessor, n)), None)
    if images and isinstance(swaps, bool):
        images['colours'] = 'RGB' if swaps else 'BGR'
    return images


def _numbers(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(v, int | float) for v in value)
    )


def _differ(theirs: Any, ours: Any) -> bool:
    if isinstance(theirs, str):
        return theirs != ours
    return any(abs(a - b) > 1 for a, b in zip(theirs, ours, strict=True))
