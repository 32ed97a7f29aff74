"""Greedy search on the source itself, ImageNet. With tools/rank.py it scores the networks of one
size by a checkpoint of classifier_r50_supernet.py, for a comparison with the target (Fig. 1)."""

_base_ = './classifier_r50_supernet.py'

train_cfg = dict(
    type='mmtransfer.GreedyBlockSearchLoop',
    val_interval=100,
    split=dict(arch=_base_.val_dataloader.dataset),  # images that the supernet was not trained on
    input_size=(224, 224),  # (H, W) at which the cost is counted
    searcher=dict(type='mmtransfer.GreedyBlockSearcher', blocks=16),
    evaluation=dict(metric='accuracy/top1', bn_iterations=50),
)
optim_wrapper = dict(_base_.weights_alone, weights=_base_.optim_wrapper)
param_scheduler = dict(_delete_=True, weights=_base_.param_scheduler)
custom_hooks = [*_base_.custom_hooks, dict(type='mmtransfer.SearchLogHook')]
del _base_.default_hooks.sample_path  # the search selects the paths itself
