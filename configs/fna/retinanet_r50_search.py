"""FNA++ on RetinaNet around ResNet-50, COCO (Sec. 4.4)."""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',
    '../_base_/resnet50.py',
    '../_base_/search_mmdet.py',
]

model = dict(backbone=_base_.supernet, neck=dict(in_channels=_base_.channels))
train_dataloader = dict(batch_size=1)  # batch 8: 8 processes
auto_scale_lr = dict(enable=False, base_batch_size=8)
_base_.search.optim_wrapper.weights.optimizer.lr = 0.01
globals().update(_base_.search)
