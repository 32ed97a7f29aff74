"""The allocation that the paper found, fine-tuned on the source by classifier_r50_child.py and here
on COCO (Table 1).

Another allocation, in both trainings: --cfg-options model.backbone.blocks=[1,3,6,5]
"""

_base_ = './faster-rcnn_r50_default.py'

model = dict(backbone=_base_.child)
default_hooks = dict(remap=dict(checkpoint='work_dirs/classifier_r50_child'))
