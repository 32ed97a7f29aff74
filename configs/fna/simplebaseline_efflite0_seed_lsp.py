"""The rival: a narrow SimpleBaseline on the plain EfficientNet-Lite0, fine-tuned on LSP."""

_base_ = [
    '../_base_/simplebaseline_efflite0.py',
    '../_base_/lsp.py',
    '../_base_/adapt_mmpose.py',
]

model = dict(head=dict(out_channels=14, decoder=_base_.codec))

train_cfg = _base_.adapt.train_cfg
train_cfg.update(max_epochs=75, val_interval=2)
optim_wrapper = _base_.adapt.optim_wrapper
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', by_epoch=True, milestones=[40, 60], gamma=0.1),
]
default_hooks = dict(logger=dict(interval=5), checkpoint=_base_.adapt.default_hooks.checkpoint)
custom_hooks = _base_.adapt.custom_hooks
auto_scale_lr = dict(enable=False, base_batch_size=8)
