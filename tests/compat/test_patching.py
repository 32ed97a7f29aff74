"""Mending what is imported later."""

import importlib
import sys
import types

from mmtransfer.compat.patching import after_import


def test_a_module_is_mended_when_it_is_imported(tmp_path, monkeypatch):
    (tmp_path / 'late_module.py').write_text('value = 1\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    finders = len(sys.meta_path)

    def mend(module: types.ModuleType) -> None:
        module.value += 1

    for _ in range(2):  # asking twice mends once
        after_import('late_module', mend)
    assert len(sys.meta_path) == finders + 1
    assert importlib.import_module('late_module').value == 2 and len(sys.meta_path) == finders
    after_import('late_module', mend)  # already imported
    assert sys.modules.pop('late_module').value == 3
