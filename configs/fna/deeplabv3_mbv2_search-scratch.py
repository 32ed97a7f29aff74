"""Ablation: the search begins with random weights (FNA++, Table 13, rows 3 and 5)."""

_base_ = './deeplabv3_mbv2_search.py'
model = dict(backbone=dict(init_cfg=None))
