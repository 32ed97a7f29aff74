"""The smallest searcher with joint steps: weights and logits learn together, the most probable
options win. Written as anybody would outside of the package."""

import weakref

import torch

from mmtransfer.registry import REGULARISERS, SEARCHERS
from mmtransfer.search import Regulariser, Searcher, derive, joint_step
from mmtransfer.search.derive import plain_probabilities
from tests.engine.tiny import search_config


@SEARCHERS.register_module()
class OneLevelSearcher(Searcher):
    kinds = ('joint',)
    holds_out = False

    def __init__(self, supernet, table, seed):
        self.supernet, self.seed, self.learned = supernet, seed, False

    def steps(self, iteration, per_epoch):
        yield joint_step(iteration)

    def stepped(self, plan, probabilities):
        self.learned = True

    def architecture(self):
        found = derive(self.supernet.space, plain_probabilities(self.supernet))
        return found if self.learned else None

    def state(self):
        return {'learned': self.learned}

    def restore(self, state, iteration, per_epoch):
        self.learned = state['learned']


@SEARCHERS.register_module()
class SilentSearcher(OneLevelSearcher):
    """Finds nothing."""

    def architecture(self):
        return None


@REGULARISERS.register_module()
class NodeTerm(Regulariser):
    """Small losses of two nodes and of the images, each logged by its own name."""

    name = 'nodes'
    acts_in = ('weights', 'joint')
    records = ('input', 'stages.1.0', 'stages.6.0')

    def __init__(self, factor=1.0, where=None):
        self.factor, self.seen = factor, []
        if where is not None:
            self.records = where

    def __call__(self, step):
        kept = {name: weakref.ref(t) for name, t in step.records.items()}
        self.seen.append((step.kind, step.iteration, step.supernet, step.table, kept))
        assert torch.equal(step.records['input'], torch.as_tensor(step.batch['inputs']))
        return {
            f'node_{name.replace(".", "_")}': self.factor * t.square().mean()
            for name, t in step.records.items()
        }


def joint_config(work_dir, epochs=2, **train_cfg):
    """A tiny search by joint steps, 4 an epoch, with the optimiser of a stock config."""
    defaults = dict(arch_begin=None, split=None, searcher=dict(type='OneLevelSearcher'))
    config = search_config(work_dir, epochs=epochs, **{**defaults, **train_cfg})
    config.optim_wrapper = dict(
        type='OptimWrapper',
        optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-2),
        clip_grad=dict(max_norm=35),
    )
    config.param_scheduler = [dict(type='MultiStepLR', milestones=[1], by_epoch=True)]
    return config
