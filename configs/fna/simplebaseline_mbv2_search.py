"""FNA++ on SimpleBaseline, MobileNetV2, MPII (Sec. 4.3)."""

_base_ = [
    '../_base_/simplebaseline_mpii.py',
    '../_base_/mobilenet_v2.py',
    '../_base_/search_mmpose.py',
]

model = dict(backbone=dict(_base_.supernet, out_indices=(6,)), head=dict(in_channels=320))
globals().update(_base_.search)
