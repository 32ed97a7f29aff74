"""The generated shapes of tools/make_toy_data.py --layout cityscapes; data/toy_cityscapes holds
them, 160 x 160."""

_base_ = './small_segmentation.py'

data_root = 'data/toy_cityscapes/'
metainfo = dict(
    classes=('background', 'disc', 'square', 'triangle'),
    palette=[[0, 0, 0], [220, 60, 60], [60, 180, 60], [60, 60, 220]],
)
crop_size = (160, 160)

enlarge = dict(_base_.enlarge, scale=crop_size)
crop = dict(type='RandomCrop', crop_size=crop_size)
train_pipeline = [_base_.load_image, _base_.load_map, enlarge, crop, _base_.flip, _base_.pack]
test_pipeline = [_base_.load_image, _base_.load_map, _base_.pack]
part = dict(
    data_root=data_root,
    metainfo=metainfo,
    img_suffix='_leftImg8bit.png',
    seg_map_suffix='_gtFine_labelTrainIds.png',
)
train_dataloader = dict(
    dataset=dict(
        part,
        data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        part,
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        pipeline=test_pipeline,
    )
)
test_dataloader = dict(
    dataset=dict(
        val_dataloader['dataset'],
        data_prefix=dict(img_path='leftImg8bit/test', seg_map_path='gtFine/test'),
    )
)
