"""A subset of CIFAR-10 (5000 train, 1000 val images of 32 x 32), enlarged to 64, in data/cls."""

train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmtransfer.ImageFolder',
        data_root='data/cls',
        split='train',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='mmtransfer.RandomResizedCrop', size=64, area=(0.5, 1.0)),
            dict(type='RandomFlip', prob=0.5),
            dict(type='mmtransfer.PackImage'),
        ],
    ),
)
val_dataloader = dict(
    batch_size=100,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmtransfer.ImageFolder',
        data_root='data/cls',
        split='val',
        test_mode=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(64, 64)),
            dict(type='mmtransfer.PackImage'),
        ],
    ),
)
test_dataloader = val_dataloader
