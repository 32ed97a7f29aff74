"""Child registries of MMEngine's: ``type='mmtransfer.X'`` works in every config."""

from mmengine import registry as root

# Modules whose import registers our types; MMEngine imports them when a name is first looked up.
_LOCATIONS = [
    'mmtransfer.backbones',
    'mmtransfer.search',
    'mmtransfer.tasks.parts',
    'mmtransfer.tasks.classification',
    'mmtransfer.tasks.folders',
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
