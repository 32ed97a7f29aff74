"""From a config to a model that is there to be counted: no weights initialised, none downloaded."""

import copy
import os
from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from ..architecture import Architecture
from ..registry import named_type

ADAPTED = 'mmtransfer.AdaptedBackbone'
SUPERNETS = ('FNASupernet', 'DepthSupernet')
# Arguments that a supernet and the plain network of one of its architectures share.
_SHARED = (
    'out_indices',
    'expand_indices',
    'output_stride',
    'in_channels',
    'frozen_stages',
    'norm_cfg',
    'norm_eval',
    'with_cp',
    '_scope_',
)


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
            model.backbone = _with_architecture(model.backbone, architecture)
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


def _with_architecture(backbone: Any, architecture: Architecture | str | os.PathLike) -> Any:
    kind = named_type(backbone, MODELS)
    names = {c.__name__ for c in getattr(kind, '__mro__', ())}  # the classes lie in a room below
    if names & set(SUPERNETS):
        shared = {key: backbone[key] for key in _SHARED if key in backbone}
        backbone = backbone.__class__(type=ADAPTED, **shared)
    elif 'AdaptedBackbone' not in names:
        raise ValueError(
            f'an architecture can only be put into a backbone of type {ADAPTED} or a supernet '
            f'({", ".join(SUPERNETS)}); the config has {backbone.type!r}. Take a search, adapt or '
            f'seed config, or leave the architecture out.'
        )
    for shorthand in ('blocks', 'max_blocks'):
        backbone.pop(shorthand, None)
    backbone.architecture = architecture
    return backbone


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
