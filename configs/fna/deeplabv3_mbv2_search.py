"""FNA++ on DeepLabv3, MobileNetV2, Cityscapes at output stride 16 (Sec. 4.1)."""

_base_ = [
    '../_base_/deeplabv3.py',
    'mmseg::_base_/datasets/cityscapes.py',
    '../_base_/mobilenet_v2.py',
    '../_base_/search_mmseg.py',
]

backbone = dict(_base_.supernet, layers=(4, 4, 6, 6, 4, 1), out_indices=(6,), output_stride=16)
crop_size = (321, 321)
model = dict(data_preprocessor=dict(size=crop_size), backbone=backbone)

# Batch 16, on one GPU.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='Resize', scale=(1024, 512), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=16,
    drop_last=True,  # one image alone has no statistics where the head pools
    sampler=_base_.sampler,
    dataset=dict(pipeline=train_pipeline),
)

globals().update(_base_.search)
