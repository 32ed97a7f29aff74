"""The rival: DeepLabv3 on the plain MobileNetV2, fine-tuned with the adapted network's schedule."""

_base_ = [
    '../_base_/deeplabv3.py',
    'mmseg::_base_/datasets/cityscapes.py',
    '../_base_/mobilenet_v2.py',
    '../_base_/adapt_mmseg.py',
]

backbone = dict(_base_.plain, out_indices=(6,), output_stride=16)
crop_size = (769, 769)
model = dict(data_preprocessor=dict(size=crop_size), backbone=backbone)

# Batch 16: 4 processes x 4 images.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(
        type='RandomChoiceResize',
        scales=[(1536, 768), (2048, 1024), (2560, 1280), (3072, 1536), (3584, 1792), (4096, 2048)],
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))

globals().update(_base_.adapt)
