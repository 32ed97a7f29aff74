r"""CUB-200-2011 (5994 train, 5794 test images of 200 birds) at 448, in batches of 64 in one process
(block allocation, Sec. 4.2). The paper does not say how images are cut.

data/cub_200_2011 holds images/ and two lists of files that the published tables give::

    awk 'NR == FNR {file[$1] = $2; next} $2 == 1 {print file[$1]}' \
        images.txt train_test_split.txt > train.txt  # and $2 == 0 for test.txt
"""

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmtransfer.ImageFolder',
        data_root='data/cub_200_2011',
        split='images',
        ann_file='train.txt',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='mmtransfer.RandomResizedCrop', size=448, area=(0.3, 1.0)),
            dict(type='RandomFlip', prob=0.5),
            dict(type='mmtransfer.PackImage'),
        ],
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmtransfer.ImageFolder',
        data_root='data/cub_200_2011',
        split='images',
        ann_file='test.txt',
        test_mode=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='mmtransfer.ResizeShorterSide', length=512),
            dict(type='CenterCrop', crop_size=448),
            dict(type='mmtransfer.PackImage'),
        ],
    ),
)
test_dataloader = val_dataloader
