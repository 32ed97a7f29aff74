"""The rival: Mask R-CNN on the plain ResNet-50 (Table 5)."""

_base_ = [
    'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py',
    '../_base_/depth_resnet50.py',
    '../_base_/target_mmdet.py',
]

model = dict(backbone=_base_.plain, neck=dict(in_channels=_base_.channels))
optim_wrapper = _base_.target.optim_wrapper
default_hooks = _base_.target.default_hooks
custom_hooks = _base_.target.custom_hooks
custom_hooks[0].checkpoint = 'work_dirs/classifier_r50_default'
auto_scale_lr = _base_.target.auto_scale_lr
