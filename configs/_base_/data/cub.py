r"""CUB-200-2011 (5994 train, 5794 test images of 200 birds) at 448, in batches of 64 in one process
(block allocation, Sec. 4.2). The paper does not say how images are cut.

data/cub_200_2011 holds images/ and two lists of files that the published tables give::

    awk 'NR == FNR {file[$1] = $2; next} $2 == 1 {print file[$1]}' \
        images.txt train_test_split.txt > train.txt  # and $2 == 0 for test.txt
"""

_base_ = './image_folder.py'

cut = dict(type='mmtransfer.RandomResizedCrop', size=448, area=(0.3, 1.0))
train_pipeline = [_base_.load_image, cut, _base_.flip, _base_.pack]
resize = dict(type='mmtransfer.ResizeShorterSide', length=512)
test_pipeline = [_base_.load_image, resize, dict(type='CenterCrop', crop_size=448), _base_.pack]
part = dict(data_root='data/cub_200_2011', split='images')
train_dataloader = dict(
    num_workers=4, dataset=dict(part, ann_file='train.txt', pipeline=train_pipeline)
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    dataset=dict(part, ann_file='test.txt', pipeline=test_pipeline),
)
test_dataloader = val_dataloader
