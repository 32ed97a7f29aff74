"""SE-ResNeXt-50 with ResNet-50's found allocation, trained on the source by
classifier_sex50_child.py and here on COCO (Table 1).

Another allocation, in both trainings: --cfg-options model.backbone.blocks=[1,3,6,5]
"""

_base_ = './faster-rcnn_sex50_default.py'

model = dict(backbone=_base_.child)
default_hooks = dict(remap=dict(checkpoint='work_dirs/classifier_sex50_child'))
