"""The rival: narrow RetinaNet on plain EfficientNet-Lite0, fine-tuned on generated shapes."""

_base_ = ['../_base_/jobs/retinanet_efflite0_seed.py', '../_base_/data/toy.py']

train_cfg = dict(max_epochs=10, val_interval=2)
param_scheduler = [dict(_base_.warm_up, end=20), dict(_base_.steps, milestones=[8])]
