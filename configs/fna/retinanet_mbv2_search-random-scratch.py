"""Ablation: random search with random weights (FNA++, Table 14, rows 4 and 6)."""

_base_ = './retinanet_mbv2_search-random.py'
model = dict(backbone=dict(init_cfg=None))
