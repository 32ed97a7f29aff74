"""Child registries of MMEngine's: ``type='mmtransfer.X'`` works in every config.

MMEngine imports this module when it meets the first such type, whatever program runs; so the
remedies for the stack are applied here.
"""

from collections.abc import Mapping
from typing import Any

from mmengine import registry as root

from mmtransfer.compat import apply_remedies

apply_remedies()

# Modules whose import registers our types; MMEngine imports them when a name is first looked up.
_LOCATIONS = [
    'mmtransfer.backbones',
    'mmtransfer.search',
    'mmtransfer.tasks.parts',
    'mmtransfer.tasks.classification',
    'mmtransfer.tasks.folders',
    'mmtransfer.hooks',
    'mmtransfer.engine',
]


def _child(parent: root.Registry) -> root.Registry:
    return root.Registry(parent.name, parent=parent, scope='mmtransfer', locations=_LOCATIONS)


MODELS = _child(root.MODELS)
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS)
WEIGHT_INITIALIZERS = _child(root.WEIGHT_INITIALIZERS)
OPTIM_WRAPPERS = _child(root.OPTIM_WRAPPERS)
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS)
LOOPS = _child(root.LOOPS)
HOOKS = _child(root.HOOKS)
DATASETS = _child(root.DATASETS)
DATA_SAMPLERS = _child(root.DATA_SAMPLERS)
TRANSFORMS = _child(root.TRANSFORMS)
METRICS = _child(root.METRICS)

# Our own, without a parent: terms added to the loss, and the strategies that propose selections.
REGULARISERS = root.Registry('regulariser', scope='mmtransfer', locations=_LOCATIONS)
SEARCHERS = root.Registry('searcher', scope='mmtransfer', locations=_LOCATIONS)


def named_type(config: Any, registry: root.Registry, scope: str | None = None) -> Any:
    """What the ``type`` of a part of a config names, however it is written: a class (in configs of
    pure Python), a name with or without a scope, or a class's whole path (in dumped ones).

    Types must be compared as what this returns, never as text.

    Args:
        config: The part.
        registry: Of its kind.
        scope: Where a bare name is looked up, if the part does not say it; None: in the current
            default scope.

    Returns:
        A class or a function; None where there is no type, or none of this name.
    """
    kind = config.get('type') if isinstance(config, Mapping) else None
    if not isinstance(kind, str):
        return kind
    with registry.switch_scope_and_registry(config.get('_scope_') or scope) as found:
        try:
            return found.get(kind)
        except RuntimeError:  # MMEngine's, for a name like 'a.b.c' that leads nowhere
            return None


def is_a(config: Any, kind: type, registry: root.Registry, scope: str | None = None) -> bool:
    """Whether a part of a config names a class, or one that is derived from it; arguments as of
    ``named_type``."""
    found = named_type(config, registry, scope)
    return isinstance(found, type) and issubclass(found, kind)
