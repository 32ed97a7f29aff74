"""The rival: Grid R-CNN on the plain ResNet-50 (Table 1)."""

_base_ = ['mmdet::grid_rcnn/grid-rcnn_r50_fpn_gn-head_2x_coco.py', '../_base_/jobs/target_r50.py']

globals().update(_base_.target)
