"""A narrow DeepLabv3 on EfficientNet-Lite0, for images of 128 to 256 pixels, short schedules."""

_base_ = ['./deeplabv3.py', './efflite0.py']

plain = supernet = depth_supernet = dict(out_indices=(6,), output_stride=16)

model = dict(
    data_preprocessor=_base_.pixels,
    backbone=dict(_base_.plain, **plain),
    decode_head=dict(channels=64),
)
