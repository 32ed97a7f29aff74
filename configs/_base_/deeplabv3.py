"""DeepLabv3 and DeepLabv3+ as FNA++ counts them (Sec. 4.1), for any backbone; no auxiliary head."""

_base_ = [
    'mmseg::_base_/models/deeplabv3_r50-d8.py',
    'mmseg::_base_/schedules/schedule_80k.py',
    'mmseg::_base_/default_runtime.py',
]

norm_cfg = dict(type='BN')
loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
deeplabv3 = dict(
    _delete_=True,
    type='mmtransfer.DeepLabV3Head',
    in_channels=320,
    channels=256,
    num_classes=19,
    norm_cfg=norm_cfg,
    loss_decode=loss,
)
deeplabv3plus = dict(
    deeplabv3, type='mmtransfer.DeepLabV3PlusHead', in_channels=[24, 320], low_channels=48
)
model = dict(pretrained=None, decode_head=deeplabv3, auxiliary_head=None)
