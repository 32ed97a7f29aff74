"""Random search on BCCD: the differentiable one's weight steps, and as many candidates of
the seed's cost as its architecture steps would have paid for."""

_base_ = './retinanet_efflite0_search_bccd.py'

searcher = dict(_delete_=True, type='mmtransfer.RandomSearcher', candidates=45, target='seed')
evaluation = dict(metric='loss', bn_iterations=13)
train_cfg = dict(_base_.candidates, searcher=searcher, evaluation=evaluation)
