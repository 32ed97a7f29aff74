"""mmpose without torchvision."""

import importlib.util
import sys

import pytest

from mmtransfer.compat.simcc_vis import stub_simcc_vis


@pytest.mark.parametrize(('torchvision', 'stubbed'), [(None, True), (object(), False)])
def test_simcc_stub_only_where_torchvision_is_absent(monkeypatch, torchvision, stubbed):
    name = 'mmpose.visualization.simcc_vis'
    monkeypatch.delitem(sys.modules, name, raising=False)
    specs = dict(torchvision=torchvision, mmpose=object())
    monkeypatch.setattr(importlib.util, 'find_spec', specs.get)
    stub_simcc_vis()
    assert (name in sys.modules) == stubbed
    if stubbed:
        with pytest.raises(ImportError, match='torchvision'):
            sys.modules.pop(name).SimCCVisualizer().draw_instance_xy_heatmap()
