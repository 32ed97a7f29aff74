"""A narrow DeepLabv3 on EfficientNet-Lite0, for images of 128 to 256 pixels, short schedules."""

_base_ = ['./deeplabv3.py', './efflite0.py']

plain = supernet = depth_supernet = dict(out_indices=(6,), output_stride=16)

model = dict(
    # What the seed was trained with: RGB, mean 127, std 128.
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True),
    backbone=dict(_base_.plain, **plain),
    decode_head=dict(channels=64),
)
