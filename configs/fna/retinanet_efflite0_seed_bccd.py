"""The rival: a narrow RetinaNet on the plain EfficientNet-Lite0, fine-tuned on BCCD."""

_base_ = ['../_base_/jobs/retinanet_efflite0_seed.py', '../_base_/data/bccd.py']

train_cfg = dict(max_epochs=40)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [dict(_base_.warm_up, end=50), dict(_base_.steps, milestones=[24, 34])]
