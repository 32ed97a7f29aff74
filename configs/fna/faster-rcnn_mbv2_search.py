_base_ = [
    'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
    '../_base_/mobilenet_v2.py',
    '../_base_/search_mmdet.py',
]
model = dict(backbone=_base_.supernet, neck=dict(in_channels=_base_.channels))
globals().update(_base_.search)
