"""The rival: the plain ResNet-50, [3, 4, 6, 3], trained on the source."""

_base_ = '../_base_/jobs/classifier_imagenet.py'

model = dict(
    backbone=dict(type='mmtransfer.AdaptedBackbone', architecture='resnet50', out_indices=(3,))
)
