"""Block allocation around EfficientNet-Lite0 in a narrow SimpleBaseline on LSP. The rival is
configs/fna/simplebaseline_efflite0_seed_lsp.py."""

_base_ = ['../_base_/jobs/simplebaseline_efflite0_greedy.py', '../_base_/data/lsp.py']

model = dict(head=dict(out_channels=14, decoder=_base_.codec))
train_cfg = dict(
    max_epochs=40, val_interval=40, input_size=(128, 128), evaluation=dict(bn_iterations=25)
)
param_scheduler = dict(
    weights=[dict(_base_.warm_up, end=30), dict(_base_.steps, milestones=[28, 36])]
)
