"""The rival: a narrow Faster R-CNN on the plain EfficientNet-Lite0, fine-tuned on BCCD."""

_base_ = ['../_base_/jobs/faster-rcnn_efflite0_default.py', '../_base_/data/bccd.py']

train_cfg = dict(max_epochs=16, val_interval=2)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [dict(_base_.warm_up, end=50), dict(_base_.steps, milestones=[9, 12])]
