"""ImageNet at 224, a folder per class in data/imagenet/{train,val}: batches of 2048 images in 32
processes (block allocation, Sec. 4.1). The paper does not say how images are cut."""

_base_ = './image_folder.py'

cut = dict(type='mmtransfer.RandomResizedCrop', size=224)
train_pipeline = [_base_.load_image, cut, _base_.flip, _base_.pack]
resize = dict(type='mmtransfer.ResizeShorterSide', length=256)
test_pipeline = [_base_.load_image, resize, dict(type='CenterCrop', crop_size=224), _base_.pack]
part = dict(data_root='data/imagenet')
train_dataloader = dict(
    num_workers=8, drop_last=True, dataset=dict(part, split='train', pipeline=train_pipeline)
)
val_dataloader = dict(
    batch_size=64, num_workers=8, dataset=dict(part, split='val', pipeline=test_pipeline)
)
test_dataloader = val_dataloader
