"""FNA++ around EfficientNet-Lite0 in a narrow SimpleBaseline on LSP, at the seed's own cost."""

_base_ = ['../_base_/jobs/simplebaseline_efflite0_search.py', '../_base_/data/lsp.py']

model = dict(head=dict(out_channels=14, decoder=_base_.codec))
train_cfg = dict(max_epochs=20, arch_begin=10, val_interval=10, input_size=(128, 128))
param_scheduler = dict(
    weights=[dict(_base_.warm_up, end=30), dict(_base_.steps, milestones=[14, 18])]
)
