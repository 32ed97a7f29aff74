"""Ablation: the adapted network begins with random weights (FNA++, Table 14, rows 5 and 6)."""

_base_ = './retinanet_mbv2_adapt-seed.py'
model = dict(backbone=dict(init_cfg=None))
