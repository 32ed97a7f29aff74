"""Block allocation around EfficientNet-Lite0 in a narrow SimpleBaseline on made shapes. The rival
is configs/fna/simplebaseline_efflite0_seed_toy.py."""

_base_ = ['../_base_/jobs/simplebaseline_efflite0_greedy.py', '../_base_/data/toy_mpii.py']

model = dict(head=dict(out_channels=16, decoder=_base_.codec))
train_cfg = dict(
    max_epochs=8, val_interval=8, input_size=(128, 128), evaluation=dict(bn_iterations=10)
)
param_scheduler = dict(weights=[dict(_base_.warm_up, end=30), dict(_base_.steps, milestones=[7])])
