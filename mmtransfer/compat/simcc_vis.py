"""Remedy: mmpose cannot be imported without torchvision."""

import importlib.util
import sys
import types


def stub_simcc_vis() -> None:
    """mmpose.visualization imports torchvision for one drawing function; without torchvision no
    mmpose Runner can be built. Put a stand-in for that module before it is imported."""
    name = 'mmpose.visualization.simcc_vis'
    present = importlib.util.find_spec('torchvision') is not None
    if name in sys.modules or present or importlib.util.find_spec('mmpose') is None:
        return

    class SimCCVisualizer:
        def draw_instance_xy_heatmap(self, *args, **kwargs):
            raise ImportError('drawing SimCC heatmaps needs torchvision')

    module = types.ModuleType(name)
    module.SimCCVisualizer = SimCCVisualizer  # type: ignore[attr-defined]
    sys.modules[name] = module
