"""The rival: the plain ResNet-50, trained by classifier_r50_default.py, fine-tuned on
CUB-200-2011."""

_base_ = ['../_base_/classifier.py', '../_base_/data/cub.py']

model = dict(
    backbone=dict(type='mmtransfer.AdaptedBackbone', architecture='resnet50', out_indices=(3,)),
    num_classes=200,
)
source = dict(checkpoint='work_dirs/classifier_r50_default', initialise=['fc.'])
default_hooks = dict(remap=dict(_base_.remap, **source))
