"""The rival: Mask R-CNN on the plain ResNet-50 (Table 5)."""

_base_ = ['mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', '../_base_/jobs/target_r50.py']

globals().update(_base_.target)
