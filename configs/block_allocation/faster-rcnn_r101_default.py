"""The rival: Faster R-CNN with FPN on the plain ResNet-101 (Table 1)."""

_base_ = './faster-rcnn_r50_default.py'

model = dict(backbone=dict(blocks=[3, 4, 23, 3]))
default_hooks = dict(remap=dict(checkpoint='work_dirs/classifier_r101_default'))
