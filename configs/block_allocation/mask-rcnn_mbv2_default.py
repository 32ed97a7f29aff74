"""The rival: Mask R-CNN on the plain MobileNetV2 (Table 5)."""

_base_ = ['mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', '../_base_/jobs/target_mbv2.py']

globals().update(_base_.target)
