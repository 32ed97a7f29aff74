"""What a greedy block search replaces in a config of mmpose. The paper has no pose: the supernet is
fine-tuned as mmpose trains SimpleBaseline on MPII. A config takes ``greedy`` over as it would take
``search``, see search.py.
"""

_base_ = './search_mmpose.py'

greedy = _base_.search
greedy.train_cfg = dict(
    _delete_=True,
    type='mmtransfer.GreedyBlockSearchLoop',
    max_epochs=210,
    val_interval=30,
    split=dict(arch=0.1, seed=0),
    input_size=(256, 256),  # (H, W) at which the cost is counted
    searcher=dict(type='mmtransfer.GreedyBlockSearcher'),
    # The training people have no head boxes, so the held-out ones are scored by their boxes.
    evaluation=dict(
        metric='PCK',
        bn_iterations=50,
        evaluator=dict(type='PCKAccuracy', thr=0.1, norm_item='bbox'),
    ),
)
greedy.optim_wrapper.weights.optimizer.lr = 5e-4
greedy.param_scheduler.weights = [
    dict(_base_.warm_up, start_factor=0.001),
    dict(_base_.steps, milestones=[170, 200]),
]
del greedy.optim_wrapper.arch, greedy.param_scheduler.arch  # paths are drawn: no logits to train
