"""Block allocation around EfficientNet-Lite0 in a narrow Faster R-CNN on BCCD: the supernet begins
with ImageNet's weights; blocks beyond the seed's own are copies of the last one of their stage."""

_base_ = [
    '../_base_/faster_rcnn_efflite0.py',
    '../_base_/bccd.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    'mmdet::_base_/default_runtime.py',
    '../_base_/greedy_mmdet.py',
]

model = dict(backbone=_base_.depth_supernet)

train_cfg = _base_.greedy.train_cfg
train_cfg.update(
    max_epochs=24,
    val_interval=24,
    input_size=(144, 192),
    split=dict(arch=0.3, seed=0),
)
train_cfg.searcher.target = 206_960_256  # multiply-adds of the seed's backbone at this input size
train_cfg.evaluation.bn_iterations = 18
optim_wrapper = _base_.greedy.optim_wrapper
optim_wrapper.weights.optimizer = dict(type='AdamW', lr=5e-4, weight_decay=0.01)
param_scheduler = _base_.greedy.param_scheduler
param_scheduler.weights = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type='MultiStepLR', by_epoch=True, milestones=[16, 22], gamma=0.1),
]
default_hooks = dict(logger=dict(interval=5), checkpoint=_base_.greedy.default_hooks.checkpoint)
visualizer = _base_.greedy.visualizer
