"""ImageNet at 224, a folder per class in data/imagenet/{train,val}: batches of 2048 images in 32
processes (block allocation, Sec. 4.1). The paper does not say how images are cut."""

train_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmtransfer.ImageFolder',
        data_root='data/imagenet',
        split='train',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='mmtransfer.RandomResizedCrop', size=224),
            dict(type='RandomFlip', prob=0.5),
            dict(type='mmtransfer.PackImage'),
        ],
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmtransfer.ImageFolder',
        data_root='data/imagenet',
        split='val',
        test_mode=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='mmtransfer.ResizeShorterSide', length=256),
            dict(type='CenterCrop', crop_size=224),
            dict(type='mmtransfer.PackImage'),
        ],
    ),
)
test_dataloader = val_dataloader
source = dict(  # of the source training; a config takes over each key by name
    warm_up=dict(type='LinearLR', start_factor=0.01, begin=0, end=5, convert_to_iter_based=True),
    label_smoothing=0.1,
    auto_scale_lr=dict(enable=False, base_batch_size=2048),
)
