"""Block allocation around EfficientNet-Lite0 in a narrow SimpleBaseline.
A config adds the data and the lengths."""

_base_ = ['../simplebaseline_efflite0.py', '../short_greedy_mmpose.py']

model = dict(backbone=_base_.depth_supernet)
globals().update(_base_.greedy)
auto_scale_lr = dict(enable=False, base_batch_size=8)
