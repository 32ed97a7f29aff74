"""FNA++ on RetinaNet around Proxyless (mobile), COCO (Sec. 4.5)."""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',
    '../_base_/proxyless_mobile.py',
    '../_base_/search_mmdet.py',
]

model = dict(backbone=_base_.supernet, neck=dict(in_channels=_base_.channels))

# Short side 800, long side at most 1088. Batch 16: 8 processes x 2 images.
train_pipeline = _base_.train_pipeline
train_pipeline[2].scale = (1088, 800)
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = (1088, 800)
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

train_cfg = _base_.search.train_cfg
optim_wrapper = _base_.search.optim_wrapper
param_scheduler = _base_.search.param_scheduler
default_hooks = _base_.search.default_hooks
visualizer = _base_.search.visualizer
