"""A training on the source, ImageNet (block allocation, Sec. 4.1), of any backbone."""

_base_ = ['../classifier.py', '../data/imagenet.py']

model = dict(label_smoothing=0.1)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=5, convert_to_iter_based=True),
    _base_.steps,
]
auto_scale_lr = dict(enable=False, base_batch_size=2048)
