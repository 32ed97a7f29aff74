"""FNA++ around EfficientNet-Lite0 in a narrow SSDLite on made shapes, at the seed's cost."""

_base_ = [
    '../_base_/ssdlite_efflite0.py',
    '../_base_/toy.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    'mmdet::_base_/default_runtime.py',
    '../_base_/search_mmdet.py',
]

model = dict(backbone=_base_.supernet)

target = 185_631_200  # multiply-adds of the seed's backbone at this input size
train_cfg = _base_.search.train_cfg
train_cfg.update(max_epochs=12, arch_begin=4, val_interval=6, input_size=(160, 160))
train_cfg.searcher.target = target
train_cfg.regularisers = [dict(type='mmtransfer.CostTerm', factor=0.35, target=target)]

optim_wrapper = _base_.search.optim_wrapper
optim_wrapper.weights.optimizer = dict(type='AdamW', lr=2e-3, weight_decay=0.01)
optim_wrapper.arch.optimizer.lr = 0.02  # a few hundred steps, where COCO has tens of thousands
param_scheduler = _base_.search.param_scheduler
param_scheduler.weights = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type='MultiStepLR', by_epoch=True, milestones=[10], gamma=0.1),
]
default_hooks = dict(logger=dict(interval=5), checkpoint=_base_.search.default_hooks.checkpoint)
visualizer = _base_.search.visualizer
