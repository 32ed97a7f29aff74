"""FNA++ around EfficientNet-Lite0 in a narrow SSDLite on made shapes, at the seed's cost."""

_base_ = [
    '../_base_/ssdlite_efflite0.py',
    '../_base_/data/toy.py',
    '../_base_/short_search_mmdet.py',
]

model = dict(backbone=_base_.supernet)
_base_.search.train_cfg.update(max_epochs=12, arch_begin=4, val_interval=6, input_size=(160, 160))
_base_.search.train_cfg.regularisers = [
    dict(type='mmtransfer.CostTerm', factor=0.35, target='searcher')
]
_base_.search.optim_wrapper.weights.optimizer.lr = 2e-3
_base_.search.param_scheduler.weights = [
    dict(_base_.warm_up, end=20),
    dict(_base_.steps, milestones=[10]),
]
globals().update(_base_.search)
