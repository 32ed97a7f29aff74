"""Our heads and necks by name. Each is imported when a config names it, so no toolbox that a config
does not use need be installed, or waited for."""

from importlib import import_module
from typing import Any

from mmtransfer.registry import MODELS

# Name in a config -> the module that defines it.
_PARTS = {
    'DeepLabV3Head': 'segmentation',
    'DeepLabV3PlusHead': 'segmentation',
    'SSDLiteNeck': 'ssdlite',
    'SSDLiteHead': 'ssdlite',
}


def _register(name: str, module: str) -> None:
    def build(**arguments: Any) -> Any:
        return getattr(import_module(f'mmtransfer.tasks.{module}'), name)(**arguments)

    MODELS.register_module(name=name, module=build)


for _name, _module in _PARTS.items():
    _register(_name, _module)
