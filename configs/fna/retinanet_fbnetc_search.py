"""FNA++ on RetinaNet around FBNet-C, COCO (Sec. 4.5)."""

_base_ = ['../_base_/retinanet_1088.py', '../_base_/fbnet_c.py', '../_base_/search_mmdet.py']

model = dict(backbone=_base_.supernet, neck=dict(in_channels=_base_.channels))
train_dataloader = dict(batch_size=2)  # batch 16: 8 processes
globals().update(_base_.search)
