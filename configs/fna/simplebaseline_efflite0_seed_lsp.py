"""The rival: a narrow SimpleBaseline on the plain EfficientNet-Lite0, fine-tuned on LSP."""

_base_ = ['../_base_/jobs/simplebaseline_efflite0_seed.py', '../_base_/data/lsp.py']

model = dict(head=dict(out_channels=14, decoder=_base_.codec))
train_cfg = dict(max_epochs=75, val_interval=2)
param_scheduler = [dict(_base_.warm_up, end=50), dict(_base_.steps, milestones=[40, 60])]
