"""Ablation: the adapted network begins with random weights (FNA++, Table 13, rows 4 and 5)."""

_base_ = './retinanet_efflite0_adapt-seed_toy.py'
model = dict(backbone=dict(init_cfg=None))
