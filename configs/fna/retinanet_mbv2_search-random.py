"""Random search on COCO (FNA++, Sec. 4.8): the differentiable one's weight steps, and as many
candidates of the seed's cost as its architecture steps would have paid for."""

_base_ = './retinanet_mbv2_search.py'

train_cfg = dict(
    arch_begin=None,
    regularisers=[],
    searcher=dict(
        _delete_=True,
        type='mmtransfer.RandomSearcher',
        candidates=53,
        target=4_847_148_800,  # multiply-adds of the seed's backbone at this input size
    ),
    evaluation=dict(metric='loss', bn_iterations=50),
)
