"""Mask R-CNN on the allocation that was found for detection by faster-rcnn_mbv2_greedy.py (Table
5).

Another allocation, in both trainings: --cfg-options model.backbone.blocks=[2,2,3,3,4]
"""

_base_ = './mask-rcnn_mbv2_default.py'

model = dict(backbone=_base_.child)
default_hooks = dict(remap=dict(checkpoint='work_dirs/classifier_mbv2_child'))
