"""A fine-tune of EfficientNet-Lite0 in a narrow DeepLabv3.
A config adds the data and the lengths."""

_base_ = ['../deeplabv3_efflite0.py', '../short_adapt_mmseg.py']

globals().update(_base_.adapt)
