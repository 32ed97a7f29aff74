"""Ablation: random search with random weights (FNA++, Table 14, rows 4 and 6)."""

_base_ = './retinanet_efflite0_search-random_bccd.py'
model = dict(backbone=dict(init_cfg=None))
