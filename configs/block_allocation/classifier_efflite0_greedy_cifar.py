"""The supernet of EfficientNet-Lite0 trained on a part of the CIFAR subset, then the best
allocation of every size up to the seed's cost."""

_base_ = './classifier_efflite0_supernet_cifar.py'

train_cfg = dict(
    type='mmtransfer.GreedyBlockSearchLoop',
    val_interval=_base_.train_cfg.max_epochs,
    split=dict(arch=0.2, seed=0),
    input_size=(64, 64),  # (H, W) at which the cost is counted
    searcher=dict(type='mmtransfer.GreedyBlockSearcher', target='seed'),
    evaluation=dict(metric='accuracy/top1', bn_iterations=20),
)
optim_wrapper = dict(_base_.weights_alone, weights=_base_.optim_wrapper)
param_scheduler = dict(_delete_=True, weights=_base_.param_scheduler)
custom_hooks = [*_base_.custom_hooks, dict(type='mmtransfer.SearchLogHook')]
del _base_.default_hooks.sample_path  # the search selects the paths itself
