"""The rival: SimpleBaseline on the plain MobileNetV2, fine-tuned with the adapted network's
schedule (Sec. 4.3)."""

_base_ = [
    '../_base_/simplebaseline_mpii.py',
    '../_base_/mobilenet_v2.py',
    '../_base_/adapt_mmpose.py',
]

model = dict(backbone=dict(_base_.plain, out_indices=(6,)), head=dict(in_channels=320))
globals().update(_base_.adapt)
