"""Images in a folder per class. cifar.py, cub.py and imagenet.py add where they lie and how images
are cut."""

load_image = dict(type='LoadImageFromFile')
flip = dict(type='RandomFlip', prob=0.5)
pack = dict(type='mmtransfer.PackImage')
train_dataloader = dict(
    batch_size=64,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='mmtransfer.ImageFolder'),
)
val_dataloader = dict(
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmtransfer.ImageFolder', test_mode=True),
)
test_dataloader = val_dataloader
