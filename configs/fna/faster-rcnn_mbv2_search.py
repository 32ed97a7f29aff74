_base_ = [
    'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
    '../_base_/mobilenet_v2.py',
    '../_base_/search_mmdet.py',
]
model = dict(backbone=_base_.supernet, neck=dict(in_channels=_base_.channels))
train_cfg = _base_.search.train_cfg
optim_wrapper = _base_.search.optim_wrapper
param_scheduler = _base_.search.param_scheduler
default_hooks = _base_.search.default_hooks
visualizer = _base_.search.visualizer
