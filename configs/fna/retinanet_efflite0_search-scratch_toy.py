"""Ablation: the search begins with random weights (FNA++, Table 13, rows 3 and 5)."""

_base_ = './retinanet_efflite0_search_toy.py'
model = dict(backbone=dict(init_cfg=None))
