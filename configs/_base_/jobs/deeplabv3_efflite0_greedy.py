"""Block allocation around EfficientNet-Lite0 in a narrow DeepLabv3.
A config adds the data and the lengths."""

_base_ = ['../deeplabv3_efflite0.py', '../short_greedy_mmseg.py']

model = dict(backbone=_base_.depth_supernet)
globals().update(_base_.greedy)
