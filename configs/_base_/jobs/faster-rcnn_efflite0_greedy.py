"""Block allocation around EfficientNet-Lite0 in a narrow Faster R-CNN: the supernet begins
with ImageNet's weights; blocks beyond the seed's own are copies of the last one of their stage.
A config adds the data and the lengths."""

_base_ = ['../faster_rcnn_efflite0.py', '../short_greedy_mmdet.py']

model = dict(backbone=_base_.depth_supernet)
globals().update(_base_.greedy)
