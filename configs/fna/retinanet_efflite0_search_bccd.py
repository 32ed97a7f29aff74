"""FNA++ around EfficientNet-Lite0 in a narrow RetinaNet on BCCD, at the seed's own cost."""

_base_ = ['../_base_/jobs/retinanet_efflite0_search.py', '../_base_/data/bccd.py']

train_cfg = dict(max_epochs=16, arch_begin=6, val_interval=16, input_size=(144, 192))
optim_wrapper = dict(weights=dict(optimizer=dict(lr=5e-4)))
param_scheduler = dict(
    weights=[dict(_base_.warm_up, end=30), dict(_base_.steps, milestones=[11, 15])]
)
