"""FNA++ on RetinaNet around ResNet-50, COCO (Sec. 4.4)."""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',
    '../_base_/resnet50.py',
    '../_base_/search_mmdet.py',
]

model = dict(backbone=_base_.supernet, neck=dict(in_channels=_base_.channels))
train_dataloader = dict(batch_size=1)  # batch 8: 8 processes

train_cfg = _base_.search.train_cfg
optim_wrapper = _base_.search.optim_wrapper
optim_wrapper.weights.optimizer.lr = 0.01
param_scheduler = _base_.search.param_scheduler
default_hooks = _base_.search.default_hooks
visualizer = _base_.search.visualizer
auto_scale_lr = dict(enable=False, base_batch_size=8)
