"""Cascade Mask R-CNN on the allocation that was found for detection by faster-rcnn_r50_greedy.py
(Table 1).

Table 1 has the allocation found for ResNet-101, [2,5,19,7], against [3,4,23,3].

Another allocation, in both trainings: --cfg-options model.backbone.blocks=[2,5,19,7]
"""

_base_ = './cascade-mask-rcnn_r50_default.py'

model = dict(backbone=_base_.child)
custom_hooks = _base_.custom_hooks
custom_hooks[0].checkpoint = 'work_dirs/classifier_r50_child'
