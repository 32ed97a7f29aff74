"""The rival: Faster R-CNN with FPN on the plain MobileNetV2 (Sec. 4.1, Table 1)."""

_base_ = ['mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', '../_base_/jobs/target_mbv2.py']

globals().update(_base_.target)
