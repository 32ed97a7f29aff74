"""The rival: the plain ResNet-50, [3, 4, 6, 3], trained on the source."""

_base_ = ['../_base_/classifier.py', '../_base_/imagenet.py']

model = dict(
    backbone=dict(type='mmtransfer.AdaptedBackbone', architecture='resnet50', out_indices=(3,)),
    label_smoothing=_base_.source.label_smoothing,
)
param_scheduler = [_base_.source.warm_up, *_base_.param_scheduler]
auto_scale_lr = _base_.source.auto_scale_lr
