"""Block allocation around EfficientNet-Lite0 in a narrow DeepLabv3 on made shapes. The rival is
configs/fna/deeplabv3_efflite0_seed_toy.py."""

_base_ = ['../_base_/jobs/deeplabv3_efflite0_greedy.py', '../_base_/data/toy_cityscapes.py']

model = dict(data_preprocessor=dict(size=_base_.crop_size), decode_head=dict(num_classes=4))
train_cfg = dict(
    max_epochs=10, val_interval=10, input_size=(160, 160), evaluation=dict(bn_iterations=10)
)
param_scheduler = dict(weights=[dict(_base_.warm_up, end=10), dict(_base_.steps, milestones=[8])])
