"""The supernet of classifier_r50_supernet.py, fine-tuned on CUB-200-2011, then the best allocation
of every size up to ResNet-50's 16 blocks (Sec. 4.2)."""

_base_ = './classifier_r50_default_cub2011.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmtransfer.DepthSupernet',
        seed='resnet50',
        max_blocks=[8, 10, 36, 14],
        out_indices=(3,),
        with_cp=True,  # 64 images of 448 pixels through up to 68 blocks
    )
)
train_cfg = dict(
    type='mmtransfer.GreedyBlockSearchLoop',
    val_interval=100,
    split=dict(arch=0.2, seed=0),
    input_size=(448, 448),  # (H, W) at which the cost is counted
    searcher=dict(type='mmtransfer.GreedyBlockSearcher', blocks=16),
    evaluation=dict(metric='accuracy/top1', bn_iterations=50),
)
optim_wrapper = dict(_base_.weights_alone, weights=_base_.optim_wrapper)
param_scheduler = dict(_delete_=True, weights=_base_.param_scheduler)
custom_hooks = [*_base_.custom_hooks, dict(type='mmtransfer.SearchLogHook')]
default_hooks = dict(remap=dict(checkpoint='work_dirs/classifier_r50_supernet'))
