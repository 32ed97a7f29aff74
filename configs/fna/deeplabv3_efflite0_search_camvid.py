"""FNA++ around EfficientNet-Lite0 in a narrow DeepLabv3 on CamVid, at the seed's own cost."""

_base_ = [
    '../_base_/deeplabv3_efflite0.py',
    '../_base_/camvid.py',
    'mmseg::_base_/schedules/schedule_80k.py',
    'mmseg::_base_/default_runtime.py',
    '../_base_/search_mmseg.py',
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=_base_.supernet,
    decode_head=dict(num_classes=11),
)

target = 375_402_816  # multiply-adds of the seed's backbone at this input size
train_cfg = _base_.search.train_cfg
train_cfg.update(max_epochs=16, arch_begin=6, val_interval=8, input_size=(144, 192))
train_cfg.alternation = (1, 2)  # an architecture step takes five times as long as a weight step
train_cfg.searcher.target = target
train_cfg.regularisers = [dict(type='mmtransfer.CostTerm', factor=0.08, target=target)]

optim_wrapper = _base_.search.optim_wrapper
optim_wrapper.weights.optimizer = dict(type='AdamW', lr=1e-3, weight_decay=0.01)
optim_wrapper.arch.optimizer.lr = 0.02  # a few hundred steps, where Cityscapes has thousands
param_scheduler = _base_.search.param_scheduler
param_scheduler.weights = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type='MultiStepLR', by_epoch=True, milestones=[11, 15], gamma=0.1),
]
default_hooks = _base_.search.default_hooks
default_hooks.logger.interval = 5
log_processor = _base_.search.log_processor
visualizer = _base_.search.visualizer
