"""The rival: a narrow DeepLabv3 on the plain EfficientNet-Lite0, fine-tuned on made shapes."""

_base_ = ['../_base_/jobs/deeplabv3_efflite0_seed.py', '../_base_/data/toy_cityscapes.py']

model = dict(data_preprocessor=dict(size=_base_.crop_size), decode_head=dict(num_classes=4))
train_cfg = dict(max_epochs=10, val_interval=2)
param_scheduler = [dict(_base_.warm_up, end=10), dict(_base_.steps, milestones=[8])]
