"""The rival: Cascade Mask R-CNN on the plain ResNet-50 (Table 1)."""

_base_ = [
    'mmdet::cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py',
    '../_base_/jobs/target_r50.py',
]

globals().update(_base_.target)
