"""A subset of CIFAR-10 (5000 train, 1000 val images of 32 x 32), enlarged to 64, in data/cls."""

_base_ = './image_folder.py'

cut = dict(type='mmtransfer.RandomResizedCrop', size=64, area=(0.5, 1.0))
resize = dict(type='Resize', scale=(64, 64))
part = dict(data_root='data/cls')
train_dataloader = dict(
    num_workers=1,
    drop_last=True,
    dataset=dict(part, split='train', pipeline=[_base_.load_image, cut, _base_.flip, _base_.pack]),
)
val_dataloader = dict(
    batch_size=100,
    num_workers=1,
    dataset=dict(part, split='val', pipeline=[_base_.load_image, resize, _base_.pack]),
)
test_dataloader = val_dataloader
