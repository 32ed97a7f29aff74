"""FNA++ around EfficientNet-Lite0 in a narrow DeepLabv3 on CamVid, at the seed's own cost."""

_base_ = ['../_base_/jobs/deeplabv3_efflite0_search.py', '../_base_/data/camvid.py']

model = dict(data_preprocessor=dict(size=_base_.crop_size), decode_head=dict(num_classes=11))
turns = (1, 2)  # an architecture step takes five times as long as a weight step
train_cfg = dict(
    max_epochs=16, arch_begin=6, alternation=turns, val_interval=8, input_size=(144, 192)
)
param_scheduler = dict(
    weights=[dict(_base_.warm_up, end=30), dict(_base_.steps, milestones=[11, 15])]
)
