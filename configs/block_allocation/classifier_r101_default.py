"""The rival: the plain ResNet-101, [3, 4, 23, 3], trained on the source."""

_base_ = './classifier_r50_default.py'

model = dict(backbone=dict(blocks=[3, 4, 23, 3]))
