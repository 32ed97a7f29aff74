"""The rival: narrow SSDLite on plain EfficientNet-Lite0, fine-tuned on generated shapes."""

_base_ = [
    '../_base_/ssdlite_efflite0.py',
    '../_base_/data/toy.py',
    '../_base_/short_adapt_mmdet.py',
]

_base_.adapt.train_cfg.update(max_epochs=10, val_interval=2)
_base_.adapt.optim_wrapper.optimizer.lr = 2e-3
_base_.adapt.param_scheduler = [dict(_base_.warm_up, end=20), dict(_base_.steps, milestones=[8])]
globals().update(_base_.adapt)
