"""Block allocation around EfficientNet-Lite0 in a narrow SimpleBaseline on LSP. The rival is
configs/fna/simplebaseline_efflite0_seed_lsp.py."""

_base_ = [
    '../_base_/simplebaseline_efflite0.py',
    '../_base_/lsp.py',
    '../_base_/greedy_mmpose.py',
]

model = dict(backbone=_base_.depth_supernet, head=dict(out_channels=14, decoder=_base_.codec))

train_cfg = _base_.greedy.train_cfg
train_cfg.update(
    max_epochs=40, val_interval=40, input_size=(128, 128), split=dict(arch=0.2, seed=0)
)
train_cfg.searcher.target = 118_803_968  # multiply-adds of the seed's backbone at this input size
train_cfg.evaluation.bn_iterations = 25
optim_wrapper = _base_.greedy.optim_wrapper
optim_wrapper.weights.optimizer.lr = 1e-3
param_scheduler = _base_.greedy.param_scheduler
param_scheduler.weights = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=30),
    dict(type='MultiStepLR', by_epoch=True, milestones=[28, 36], gamma=0.1),
]
default_hooks = dict(logger=dict(interval=5), checkpoint=_base_.greedy.default_hooks.checkpoint)
custom_hooks = _base_.greedy.custom_hooks
visualizer = _base_.greedy.visualizer
auto_scale_lr = dict(enable=False, base_batch_size=8)
