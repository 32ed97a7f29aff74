"""What a greedy block search replaces in a config of mmseg. The paper has no segmentation: the
supernet is fine-tuned as mmseg fine-tunes DeepLabv3 on Cityscapes, 80k iterations of 8 images.

A config takes ``greedy`` over as it would take ``search``, see search.py. mmseg counts iterations
and its sampler never ends; a search counts epochs, and takes ``sampler``.
"""

_base_ = './search_mmseg.py'

greedy = _base_.search
greedy.train_cfg = dict(
    _delete_=True,
    type='mmtransfer.GreedyBlockSearchLoop',
    max_epochs=240,
    val_interval=60,
    split=dict(arch=0.1, seed=0),
    input_size=(512, 1024),  # (H, W) at which the cost is counted
    searcher=dict(type='mmtransfer.GreedyBlockSearcher'),
    evaluation=dict(metric='mIoU', bn_iterations=50),
)
greedy.optim_wrapper.weights.optimizer = dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4)
greedy.param_scheduler.weights = [
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=1e-4,
        by_epoch=True,
        begin=0,
        end=240,
        convert_to_iter_based=True,
    )
]
del greedy.optim_wrapper.arch, greedy.param_scheduler.arch  # paths are drawn: no logits to train
