"""The rival: Cascade Mask R-CNN on the plain ResNet-101 (Table 1)."""

_base_ = './cascade-mask-rcnn_r50_default.py'

model = dict(backbone=dict(blocks=[3, 4, 23, 3]))
custom_hooks = _base_.custom_hooks
custom_hooks[0].checkpoint = 'work_dirs/classifier_r101_default'
