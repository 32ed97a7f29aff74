"""The rival: the plain SE-ResNeXt-50 (32 x 4d), [3, 4, 6, 3], trained on the source."""

_base_ = './classifier_r50_default.py'

model = dict(backbone=dict(architecture='se_resnext50'))
