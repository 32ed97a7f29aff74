"""Mask R-CNN on the allocation that was found for detection by faster-rcnn_r50_greedy.py (Table 5).

Another allocation, in both trainings: --cfg-options model.backbone.blocks=[1,3,6,5]
"""

_base_ = './mask-rcnn_r50_default.py'

model = dict(backbone=_base_.child)
default_hooks = dict(remap=dict(checkpoint='work_dirs/classifier_r50_child'))
