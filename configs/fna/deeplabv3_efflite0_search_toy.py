"""FNA++ around EfficientNet-Lite0 in a narrow DeepLabv3 on made shapes, at the seed's own cost."""

_base_ = ['../_base_/jobs/deeplabv3_efflite0_search.py', '../_base_/data/toy_cityscapes.py']

model = dict(data_preprocessor=dict(size=_base_.crop_size), decode_head=dict(num_classes=4))
train_cfg = dict(max_epochs=12, arch_begin=4, val_interval=6, input_size=(160, 160))
param_scheduler = dict(weights=[dict(_base_.warm_up, end=10), dict(_base_.steps, milestones=[10])])
