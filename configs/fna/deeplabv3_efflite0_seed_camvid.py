"""The rival: a narrow DeepLabv3 on the plain EfficientNet-Lite0, fine-tuned on CamVid."""

_base_ = [
    '../_base_/deeplabv3_efflite0.py',
    '../_base_/camvid.py',
    'mmseg::_base_/schedules/schedule_80k.py',
    'mmseg::_base_/default_runtime.py',
    '../_base_/adapt_mmseg.py',
]

model = dict(data_preprocessor=dict(size=_base_.crop_size), decode_head=dict(num_classes=11))

train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=54, val_interval=2)
optim_wrapper = _base_.adapt.optim_wrapper
optim_wrapper.optimizer = dict(type='AdamW', lr=1e-3, weight_decay=0.01)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type='MultiStepLR', by_epoch=True, milestones=[32, 45], gamma=0.1),
]
default_hooks = _base_.adapt.default_hooks
default_hooks.logger = dict(interval=5, log_metric_by_epoch=True)
default_hooks.checkpoint.update(interval=2, by_epoch=True)
log_processor = dict(by_epoch=True)
