"""CamVid, streets seen from a car, 11 classes (367 train, 101 val, 233 test images), at 192 x 144;
data/camvid holds it. Scores are at the full 480 x 360."""

_base_ = './small_segmentation.py'

data_root = 'data/camvid/'
metainfo = dict(
    classes=(
        'Sky',
        'Building',
        'Pole',
        'Road',
        'Pavement',
        'Tree',
        'SignSymbol',
        'Fence',
        'Car',
        'Pedestrian',
        'Bicyclist',
    ),
    palette=[
        [128, 128, 128],
        [128, 0, 0],
        [192, 192, 128],
        [128, 64, 128],
        [60, 40, 222],
        [128, 128, 0],
        [192, 128, 128],
        [64, 64, 128],
        [64, 0, 128],
        [64, 64, 0],
        [0, 128, 192],
    ],
)
image_size = (192, 144)  # (W, H)
crop_size = (144, 144)

enlarge = dict(_base_.enlarge, scale=image_size)
crop = dict(type='RandomCrop', crop_size=crop_size)
train_pipeline = [_base_.load_image, _base_.load_map, enlarge, crop, _base_.flip, _base_.pack]
resize = dict(type='Resize', scale=image_size, keep_ratio=True)
# The map after Resize: the truth keeps its size.
test_pipeline = [_base_.load_image, resize, _base_.load_map, _base_.pack]
part = dict(data_root=data_root, metainfo=metainfo, img_suffix='.jpg', seg_map_suffix='.png')
train_dataloader = dict(
    dataset=dict(
        part,
        data_prefix=dict(img_path='img_dir/train', seg_map_path='ann_dir/train'),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        part,
        data_prefix=dict(img_path='img_dir/val', seg_map_path='ann_dir/val'),
        pipeline=test_pipeline,
    )
)
test_dataloader = dict(
    dataset=dict(
        val_dataloader['dataset'],
        data_prefix=dict(img_path='img_dir/test', seg_map_path='ann_dir/test'),
    )
)
