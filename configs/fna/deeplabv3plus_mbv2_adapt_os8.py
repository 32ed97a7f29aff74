"""The adapted DeepLabv3+ at output stride 8, with twice the rates; from the same search."""

_base_ = './deeplabv3plus_mbv2_adapt.py'

model = dict(backbone=dict(output_stride=8), decode_head=dict(dilations=(12, 24, 36)))
