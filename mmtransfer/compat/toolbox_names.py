"""Remedy: configs of a toolbox are found by the name of its distribution alone."""

import importlib.metadata
import importlib.util


def name_toolboxes_by_module() -> None:
    """MMEngine finds ``mmseg::`` configs by the distribution ``mmsegmentation``, which a fork or a
    checkout on the path has not got. Where it is absent, let it look for the module instead."""
    from mmengine.config.utils import MODULE2PACKAGE

    for module, distribution in MODULE2PACKAGE.items():
        if module != distribution and not _is_distribution(distribution):
            if importlib.util.find_spec(module) is not None:
                MODULE2PACKAGE[module] = module


def _is_distribution(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
