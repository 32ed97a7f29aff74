"""What must be installed."""

import importlib.util
import inspect


class MissingFeatureError(ImportError):
    """Something that mmtransfer needs is not installed."""


def check_features() -> None:
    """Raise ``MissingFeatureError`` naming what is missing; versions are never refused."""
    missing = [
        f'{name} ({what})'
        for name, what in (
            ('mmengine', 'runner and configs'),
            ('mmcv', 'ConvModule and operators'),
        )
        if importlib.util.find_spec(name) is None
    ]
    if _reads_pkg_resources() and importlib.util.find_spec('pkg_resources') is None:
        missing.append('pkg_resources (MMEngine reads `pkg::` configs with it): setuptools < 81')
    if missing:
        raise MissingFeatureError(
            f'mmtransfer needs {"; ".join(missing)}. Install what is missing, or run '
            f'`make install`.'
        )


def _reads_pkg_resources() -> bool:
    try:
        from mmengine.utils import package_utils
    except ImportError:
        return False
    return 'pkg_resources' in inspect.getsource(package_utils)
