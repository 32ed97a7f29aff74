"""The rival: Cascade Mask R-CNN on the plain ResNet-50 (Table 1)."""

_base_ = [
    'mmdet::cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py',
    '../_base_/depth_resnet50.py',
    '../_base_/target_mmdet.py',
]

model = dict(backbone=_base_.plain, neck=dict(in_channels=_base_.channels))
optim_wrapper = _base_.target.optim_wrapper
default_hooks = _base_.target.default_hooks
custom_hooks = _base_.target.custom_hooks
custom_hooks[0].checkpoint = 'work_dirs/classifier_r50_default'
auto_scale_lr = _base_.target.auto_scale_lr
