"""A fine-tune of EfficientNet-Lite0 in a narrow RetinaNet.
A config adds the data and the lengths."""

_base_ = ['../retinanet_efflite0.py', '../short_adapt_mmdet.py']

globals().update(_base_.adapt)
