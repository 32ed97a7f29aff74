"""The rival: a narrow Faster R-CNN on the plain EfficientNet-Lite0, fine-tuned on made shapes."""

_base_ = ['../_base_/jobs/faster-rcnn_efflite0_default.py', '../_base_/data/toy.py']

train_cfg = dict(max_epochs=10, val_interval=2)
param_scheduler = [dict(_base_.warm_up, end=20), dict(_base_.steps, milestones=[8])]
