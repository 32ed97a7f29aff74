"""What is missing is named."""

import importlib.util
import inspect
import subprocess
import sys

import pytest

from mmtransfer import compat


@pytest.mark.parametrize(
    ('source', 'missing'),
    [
        ('import pkg_resources', r'mmcv.*pkg_resources.*setuptools < 81'),
        ('from importlib.metadata import version', r'mmcv \(ConvModule and operators\)\. Install'),
    ],
)
def test_missing_packages_are_named(monkeypatch, source, missing):
    """pkg_resources only where mmengine reads it: the fork does not."""
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    monkeypatch.setattr(inspect, 'getsource', lambda module: source)
    with pytest.raises(compat.MissingFeatureError, match=missing):
        compat.check_features()


def test_mmengine_is_named_when_it_is_missing():
    code = (
        'import sys; sys.modules["mmengine"] = None\n'
        'from mmtransfer import compat\n'
        'try: compat.apply()\n'
        'except compat.MissingFeatureError as error: print(error)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert 'mmtransfer needs mmengine (runner and configs)' in done.stdout
