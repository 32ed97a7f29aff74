"""mmtransfer: adapt the architecture and the weights of a pretrained backbone to a new task.

    space = mmtransfer.space_around('mobilenet_v2')
    table = mmtransfer.cost_table(space, (800, 1088))
    backbone = mmtransfer.AdaptedBackbone('architecture.json')

The names below are imported when they are first used; what a config names needs none of them.
"""

from importlib import import_module
from typing import Any

__version__ = '0.1.0'

# Public name -> the module that defines it.
_PUBLIC = {
    'AdaptedBackbone': 'backbones',
    'Architecture': 'architecture',
    'DepthSupernet': 'backbones',
    'FNASupernet': 'backbones',
    'SearchSpace': 'space',
    'cost_table': 'cost',
    'draw': 'report.drawing',
    'load_seed': 'remap',
    'read_architecture': 'spaces',
    'space_around': 'spaces',
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(
            f'mmtransfer has the public names {", ".join(_PUBLIC)}; received {name!r}. Others are '
            f'imported from their modules.'
        )
    return getattr(import_module(f'mmtransfer.{_PUBLIC[name]}'), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
