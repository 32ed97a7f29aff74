"""FNA++ around EfficientNet-Lite0 in a narrow SimpleBaseline.
A config adds the data and the lengths."""

_base_ = ['../simplebaseline_efflite0.py', '../short_search_mmpose.py']

model = dict(backbone=_base_.supernet)
globals().update(_base_.search)
auto_scale_lr = dict(enable=False, base_batch_size=8)
