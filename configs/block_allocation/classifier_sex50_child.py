"""SE-ResNeXt-50 with the allocation that was found for ResNet-50, trained on the source (Sec. 3.5).

Another one: --cfg-options model.backbone.blocks=[1,3,6,5]
"""

_base_ = './classifier_sex50_default.py'

model = dict(backbone=dict(blocks=[1, 3, 7, 5]))
