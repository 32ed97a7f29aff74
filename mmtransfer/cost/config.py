"""From a config to a model that is there to be counted: no weights initialised, none downloaded."""

import copy
import os
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from mmtransfer.architecture import Architecture
from mmtransfer.registry import MODELS as OWN
from mmtransfer.registry import named_type


def build_model(
    cfg: Config, architecture: Architecture | str | os.PathLike | None = None
) -> nn.Module:
    """The model of a config, with every ``init_cfg`` and ``pretrained`` taken out.

    Args:
        cfg: A config of mmdet, mmseg or mmpose. It is left as it was.
        architecture: Goes into the backbone in place of the config's own; a supernet becomes the
            plain network of this architecture.

    Raises:
        ValueError: The backbone takes no architecture, or the architecture is invalid.
    """
    model = copy.deepcopy(cfg.model)
    if architecture is not None:
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
            _put(model, architecture)
    _forget_weights(model)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        try:
            return MODELS.build(model)
        except ValueError:  # says itself what must hold
            raise
        except Exception as error:  # whatever a model of others raises
            raise ValueError(
                f'the model of the config must be one that can be built; received '
                f'{type(error).__name__}: {error} Correct the config, or install what it asks for.'
            ) from error


def own_backbone_configs(model: Any, scope: str | None = None) -> dict[str, Any]:
    """The backbones of ours in the config of a model, by their keys, as they stand in it.

    That is ``'model.backbone'`` in most models, ``'model.detector.backbone'`` in a semi-supervised
    one. Only keys that end in ``backbone`` are looked at, so no toolbox need be imported.

    Args:
        model: ``cfg.model``.
        scope: ``cfg.default_scope``; None: the current one.
    """
    return dict(_own_configs(model, 'model', scope))


def own_supernet(model: Any, scope: str | None = None) -> Any:
    """The config of the one supernet in the config of a model, without its weights; arguments as
    of ``own_backbone_configs``.

    Raises:
        ValueError: There is none, or there are several.
    """
    found = {
        key: part
        for key, part in own_backbone_configs(model, scope).items()
        if _is_supernet(named_type(part, MODELS, scope))
    }
    if len(found) != 1:
        raise ValueError(
            f'the model of a search must have one supernet, such as '
            f"model.backbone=dict(type='mmtransfer.FNASupernet'); found {len(found)}"
            f'{": " if found else ""}{", ".join(found)}.'
        )
    (part,) = found.values()
    return dict(part, init_cfg=None)


def _own_configs(node: Any, key: str, scope: str | None) -> Iterator[tuple[str, Any]]:
    items: Any = ()
    if isinstance(node, Mapping):
        scope = node.get('_scope_') or scope
        kind = named_type(node, MODELS, scope) if key.endswith('backbone') else None
        if hasattr(kind, 'with_architecture'):
            yield key, node
            return
        items = node.items()
    elif isinstance(node, (list, tuple)):
        items = enumerate(node)
    for name, part in items:
        yield from _own_configs(part, f'{key}.{name}', scope)


def _is_supernet(kind: Any) -> bool:
    return hasattr(kind, 'architecture_parameters')


def _put(model: Any, architecture: Architecture | str | os.PathLike) -> None:
    """Let every backbone of ours in the config of a model be of this architecture, in place."""
    own = own_backbone_configs(model)
    if not own:  # which says what must hold
        model.backbone = _with_architecture(model.get('backbone') or {}, architecture)
    for key in own:
        *path, name = key.split('.')[1:]
        owner = model
        for step in path:
            owner = owner[int(step) if isinstance(owner, (list, tuple)) else step]
        owner[name] = _with_architecture(owner[name], architecture)


def _with_architecture(backbone: Any, architecture: Architecture | str | os.PathLike) -> Any:
    kind: Any = named_type(backbone, MODELS)
    if not hasattr(kind, 'with_architecture'):
        supernets = [name for name, own in OWN.module_dict.items() if _is_supernet(own)]
        raise ValueError(
            f'an architecture can only be put into a backbone of type mmtransfer.AdaptedBackbone '
            f'or a supernet ({", ".join(supernets)}); the config has {backbone.get("type")!r}. '
            f'Take a search, adapt or seed config, or leave the architecture out.'
        )
    return kind.with_architecture(backbone, architecture)


def _forget_weights(node: Any) -> None:
    """Set every ``init_cfg`` and ``pretrained`` below a config node to None."""
    if isinstance(node, dict):
        for key in node:
            if key in ('init_cfg', 'pretrained'):
                node[key] = None
            else:
                _forget_weights(node[key])
    elif isinstance(node, (list, tuple)):
        for value in node:
            _forget_weights(value)
