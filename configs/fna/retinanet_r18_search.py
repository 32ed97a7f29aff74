"""FNA++ on RetinaNet around ResNet-18, COCO (Sec. 4.4)."""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',
    '../_base_/resnet18.py',
    '../_base_/search_mmdet.py',
]

model = dict(backbone=_base_.supernet, neck=dict(in_channels=_base_.channels))
train_dataloader = dict(batch_size=2)  # batch 16: 8 processes
_base_.search.optim_wrapper.weights.optimizer.weight_decay = 5e-5
globals().update(_base_.search)
