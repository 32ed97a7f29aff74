"""Block allocation around EfficientNet-Lite0 in a narrow DeepLabv3 on CamVid. The rival is
configs/fna/deeplabv3_efflite0_seed_camvid.py."""

_base_ = [
    '../_base_/deeplabv3_efflite0.py',
    '../_base_/camvid.py',
    'mmseg::_base_/schedules/schedule_80k.py',
    'mmseg::_base_/default_runtime.py',
    '../_base_/greedy_mmseg.py',
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=_base_.depth_supernet,
    decode_head=dict(num_classes=11),
)

train_cfg = _base_.greedy.train_cfg
train_cfg.update(
    max_epochs=24, val_interval=24, input_size=(144, 192), split=dict(arch=0.2, seed=0)
)
train_cfg.searcher.target = 375_402_816  # multiply-adds of the seed's backbone at this input size
train_cfg.evaluation.bn_iterations = 36
optim_wrapper = _base_.greedy.optim_wrapper
optim_wrapper.weights.optimizer = dict(type='AdamW', lr=1e-3, weight_decay=0.01)
param_scheduler = _base_.greedy.param_scheduler
param_scheduler.weights = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type='MultiStepLR', by_epoch=True, milestones=[16, 22], gamma=0.1),
]
default_hooks = _base_.greedy.default_hooks
default_hooks.logger.interval = 5
log_processor = _base_.greedy.log_processor
visualizer = _base_.greedy.visualizer
