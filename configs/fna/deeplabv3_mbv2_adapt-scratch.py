"""Ablation: the adapted network begins with random weights (FNA++, Table 13, rows 4 and 5)."""

_base_ = './deeplabv3_mbv2_adapt-seed.py'
model = dict(backbone=dict(init_cfg=None))
