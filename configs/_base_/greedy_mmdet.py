"""What a greedy block search replaces in a config of mmdet (block allocation, Sec. 4.1: COCO).

A config takes ``greedy`` over as it would take ``search``, see search.py. The paper does not say
for how long the supernet is fine-tuned on the target: here for mmdet's 1x schedule.
"""

_base_ = './search_mmdet.py'

greedy = _base_.search
greedy.train_cfg = dict(
    _delete_=True,
    type='mmtransfer.GreedyBlockSearchLoop',
    max_epochs=12,
    val_interval=12,
    split=dict(arch=0.05, seed=0),  # about as many images as val has
    input_size=(224, 224),  # (H, W) at which the cost is counted, the paper's
    searcher=dict(type='mmtransfer.GreedyBlockSearcher'),
    evaluation=dict(metric='coco/bbox_mAP', bn_iterations=50),
)
greedy.optim_wrapper.weights.optimizer = dict(type='SGD', lr=0.04, momentum=0.9, weight_decay=1e-4)
greedy.param_scheduler.weights = [dict(_base_.warm_up, start_factor=0.001), _base_.steps]
del greedy.optim_wrapper.arch, greedy.param_scheduler.arch  # paths are drawn: no logits to train
