"""Block allocation around EfficientNet-Lite0 in a narrow DeepLabv3 on CamVid. The rival is
configs/fna/deeplabv3_efflite0_seed_camvid.py."""

_base_ = ['../_base_/jobs/deeplabv3_efflite0_greedy.py', '../_base_/data/camvid.py']

model = dict(data_preprocessor=dict(size=_base_.crop_size), decode_head=dict(num_classes=11))
train_cfg = dict(
    max_epochs=24, val_interval=24, input_size=(144, 192), evaluation=dict(bn_iterations=36)
)
param_scheduler = dict(
    weights=[dict(_base_.warm_up, end=30), dict(_base_.steps, milestones=[16, 22])]
)
