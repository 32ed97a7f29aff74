"""A fine-tune of EfficientNet-Lite0 in a narrow SimpleBaseline.
A config adds the data and the lengths."""

_base_ = ['../simplebaseline_efflite0.py', '../short_adapt_mmpose.py']

globals().update(_base_.adapt)
auto_scale_lr = dict(enable=False, base_batch_size=8)
