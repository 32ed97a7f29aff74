"""FNA++ around EfficientNet-Lite0 in a narrow SimpleBaseline on made shapes, at the seed's cost."""

_base_ = ['../_base_/jobs/simplebaseline_efflite0_search.py', '../_base_/data/toy_mpii.py']

model = dict(head=dict(out_channels=16, decoder=_base_.codec))
train_cfg = dict(max_epochs=8, arch_begin=3, val_interval=4, input_size=(128, 128))
param_scheduler = dict(weights=[dict(_base_.warm_up, end=30), dict(_base_.steps, milestones=[7])])
