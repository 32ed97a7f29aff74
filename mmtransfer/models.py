"""What is asked of any model: what is inside its wrappers, and the config key of a module."""

from typing import Any

from mmengine.model import BaseTTAModel, is_model_wrapper

# The detector that mmdet's semi-supervised models hold twice is named once in their config.
_NAMED_ONCE = {'student': 'detector', 'teacher': 'detector'}


def unwrap(model: Any) -> Any:
    """The model inside of wrappers for distributed training and for test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def config_key(path: str) -> str:
    """The key in the config of a module of the model: ``'model.roi_head.bbox_head.0'``."""
    names = [_NAMED_ONCE.get(name, name) for name in path.split('.') if name]
    return '.'.join(['model', *names])
