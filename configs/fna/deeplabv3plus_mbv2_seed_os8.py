"""The rival: DeepLabv3+ on the plain MobileNetV2 at output stride 8, with twice the rates."""

_base_ = './deeplabv3plus_mbv2_seed.py'

model = dict(backbone=dict(output_stride=8), decode_head=dict(dilations=(12, 24, 36)))
