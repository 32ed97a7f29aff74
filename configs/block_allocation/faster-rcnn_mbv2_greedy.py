"""Block allocation on Faster R-CNN, MobileNetV2, COCO (Sec. 4.1): the supernet of
classifier_mbv2_supernet.py is fine-tuned here, then the networks of every size are found."""

_base_ = ['../_base_/jobs/faster-rcnn_greedy.py', '../_base_/depth_mobilenet_v2.py']

model = dict(backbone=_base_.supernet, neck=dict(in_channels=_base_.channels))
train_cfg = dict(searcher=dict(target='seed'))
default_hooks = dict(remap=dict(checkpoint='work_dirs/classifier_mbv2_supernet'))
