"""Random search on COCO (FNA++, Sec. 4.8): the differentiable one's weight steps, and as many
candidates of the seed's cost as its architecture steps would have paid for."""

_base_ = './retinanet_mbv2_search.py'

searcher = dict(_delete_=True, type='mmtransfer.RandomSearcher', candidates=53, target='seed')
evaluation = dict(metric='loss', bn_iterations=50)
train_cfg = dict(_base_.candidates, searcher=searcher, evaluation=evaluation)
