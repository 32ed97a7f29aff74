"""FNA++ around EfficientNet-Lite0 in a narrow RetinaNet.
A config adds the data and the lengths."""

_base_ = ['../retinanet_efflite0.py', '../short_search_mmdet.py']

model = dict(backbone=_base_.supernet)
globals().update(_base_.search)
