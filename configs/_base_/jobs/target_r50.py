"""A fine-tune of ResNet-50, trained on the source, in any detector of mmdet with a neck (block
allocation, Sec. 4.1). A config takes ``target`` over."""

_base_ = ['../depth_resnet50.py', '../target_mmdet.py']

target = dict(
    model=dict(backbone=_base_.plain, neck=dict(in_channels=_base_.channels)),
    default_hooks=dict(remap=dict(checkpoint='work_dirs/classifier_r50_default')),
)
