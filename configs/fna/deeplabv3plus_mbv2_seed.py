"""The rival: DeepLabv3+ on the plain MobileNetV2, Cityscapes, output stride 16."""

_base_ = './deeplabv3_mbv2_seed.py'

# The stages of 24 channels (stride 4) and of 320.
model = dict(backbone=dict(out_indices=(1, 6)), decode_head=_base_.deeplabv3plus)
