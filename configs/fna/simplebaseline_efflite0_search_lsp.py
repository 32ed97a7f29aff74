"""FNA++ around EfficientNet-Lite0 in a narrow SimpleBaseline on LSP, at the seed's own cost."""

_base_ = [
    '../_base_/simplebaseline_efflite0.py',
    '../_base_/lsp.py',
    '../_base_/search_mmpose.py',
]

model = dict(backbone=_base_.supernet, head=dict(out_channels=14, decoder=_base_.codec))

target = 118_803_968  # multiply-adds of the seed's backbone at this input size
train_cfg = _base_.search.train_cfg
train_cfg.update(max_epochs=20, arch_begin=10, val_interval=10, input_size=(128, 128))
train_cfg.searcher.target = target
train_cfg.regularisers = [dict(type='mmtransfer.CostTerm', factor=3e-5, target=target)]

optim_wrapper = _base_.search.optim_wrapper
optim_wrapper.arch.optimizer.lr = 0.02  # a few hundred steps, where MPII has tens of thousands
param_scheduler = _base_.search.param_scheduler
param_scheduler.weights = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type='MultiStepLR', by_epoch=True, milestones=[14, 18], gamma=0.1),
]
default_hooks = dict(logger=dict(interval=5), checkpoint=_base_.search.default_hooks.checkpoint)
custom_hooks = _base_.search.custom_hooks
visualizer = _base_.search.visualizer
auto_scale_lr = dict(enable=False, base_batch_size=8)
