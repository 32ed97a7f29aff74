"""A fine-tune of EfficientNet-Lite0 in a narrow Faster R-CNN.
A config adds the data and the lengths."""

_base_ = ['../faster_rcnn_efflite0.py', '../short_adapt_mmdet.py']

globals().update(_base_.adapt)
