"""FNA++ around EfficientNet-Lite0 in a narrow RetinaNet on made shapes, at the seed's cost."""

_base_ = ['../_base_/jobs/retinanet_efflite0_search.py', '../_base_/data/toy.py']

train_cfg = dict(max_epochs=12, arch_begin=4, val_interval=6, input_size=(160, 160))
param_scheduler = dict(weights=[dict(_base_.warm_up, end=20), dict(_base_.steps, milestones=[10])])
