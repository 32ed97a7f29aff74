"""FNA++ on RetinaNet, MobileNetV2, COCO (Sec. 4.2), with the journal's settings where the released
code differs."""

_base_ = ['../_base_/retinanet_1088.py', '../_base_/mobilenet_v2.py', '../_base_/search_mmdet.py']

model = dict(backbone=_base_.supernet, neck=dict(in_channels=_base_.channels))
train_dataloader = dict(batch_size=2)  # batch 16: 8 processes
globals().update(_base_.search)
