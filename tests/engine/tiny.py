"""A search small enough for a test: a classifier on made images, a supernet of few options."""

import json
from dataclasses import replace

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from torch import nn

from mmtransfer.registry import DATASETS, METRICS, MODELS
from mmtransfer.seeds import SEEDS
from mmtransfer.spaces import closest_to_seed, space_around

SPACE = dict(seed='mobilenet_v2', layers=(2, 1, 1, 1, 1, 1), kernels=(3, 5), expansions=(3,))
SPACES = {  # by kind of seed: inverted residuals, residual blocks, a mixed one, SSDLite's expansion
    'mobilenet_v2': dict(SPACE, out_indices=(6,)),
    'narrow_resnet18': dict(seed='narrow_resnet18', ops=('k3g1', 'k5g2'), out_indices=(3,)),
    'fbnet_c': dict(SPACE, seed='fbnet_c', expansions=(1, 3), out_indices=(6,)),
    'ssdlite': dict(
        SPACE,
        expansions=(3, 6),
        restrict={'stage5.layer0': ['k3e6', 'k5e6']},
        expand_indices=(5,),
        out_indices=(6,),
        temperature=0.9,
    ),
}


def add_narrow_seed() -> None:
    """ResNet-18 with an eighth of its channels: checkpoints of 3 MB where that one's have 180."""
    seed = SEEDS['resnet18']
    stages = tuple(replace(stage, channels=stage.channels // 8) for stage in seed.stages)
    SEEDS['narrow_resnet18'] = replace(seed, name='narrow_resnet18', stem_channels=8, stages=stages)


@DATASETS.register_module()
class TinyImages(BaseDataset):
    """``number`` images of 32 x 32, one of two labels; each reading draws fresh noise."""

    def __init__(self, number=16, **kwargs):
        self.number = number
        super().__init__(**kwargs)

    def load_data_list(self):
        return [dict(img_path=f'{i}.png', label=i % 2) for i in range(self.number)]

    def prepare_data(self, idx):
        info = self.get_data_info(idx)
        image = np.full((3, 32, 32), info['label'] - 0.5) + np.random.randn(3, 32, 32)
        return dict(inputs=torch.tensor(image, dtype=torch.float32), label=info['label'])


@MODELS.register_module()
class TinyClassifier(BaseModel):
    """A backbone, a pooled linear head with dropout, and a mean cross-entropy."""

    def __init__(self, backbone, data_preprocessor=None, init_cfg=None):
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.fc = nn.Linear(self.backbone.out_channels[-1], 2)
        self.drop = nn.Dropout(0.2)
        self.poison_at = None

    def forward(self, inputs, label=None, mode='tensor'):
        if isinstance(inputs, (list, tuple)):
            inputs = torch.stack(inputs)
        logits = self.fc(self.drop(self.backbone(inputs)[-1].mean((2, 3))))
        if mode == 'loss':
            loss = nn.functional.cross_entropy(logits, torch.as_tensor(label))
            return dict(loss_cls=loss)
        return [dict(label=int(i)) for i in logits.argmax(1)] if mode == 'predict' else logits


@MODELS.register_module()
class TinyWrapper(BaseModel):
    """Holds its model as mmdet's semi-supervised ones hold a detector."""

    def __init__(self, detector, data_preprocessor=None, init_cfg=None):
        super().__init__(data_preprocessor, init_cfg)
        self.detector = MODELS.build(detector)

    def forward(self, *args, **kwargs):
        return self.detector(*args, **kwargs)


@METRICS.register_module()
class TinyAccuracy(BaseMetric):
    """Counts the predicted ones: deterministic and cheap."""

    def process(self, data_batch, data_samples):
        self.results.extend(s['label'] for s in data_samples)

    def compute_metrics(self, results):
        return dict(ones=float(np.mean(results)))


def loader(number=16, workers=0, batch_size=4, shuffle=True):
    return dict(
        batch_size=batch_size,
        num_workers=workers,
        persistent_workers=workers > 0,
        sampler=dict(type='DefaultSampler', shuffle=shuffle),
        dataset=dict(type='mmtransfer.TinyImages', number=number),
        collate_fn=dict(type='default_collate'),
    )


def search_config(
    work_dir, *, workers=0, epochs=3, space='mobilenet_v2', wrapped=False, **train_cfg
) -> Config:
    """A whole search config: 2 weight steps an epoch, architecture steps from epoch 1 on."""
    add_narrow_seed()  # here, so that no test of all published seeds meets it
    backbone = dict(type='mmtransfer.FNASupernet', **SPACES[space])
    model = dict(type='mmtransfer.TinyClassifier', backbone=backbone)
    if wrapped:
        model = dict(type='mmtransfer.TinyWrapper', detector=model)
    wrapper = dict(type='mmtransfer.RegularisedOptimWrapper', clip_grad=dict(max_norm=35))
    loop = dict(
        type='mmtransfer.SearchLoop',
        max_epochs=epochs,
        arch_begin=1,
        input_size=(32, 32),
        split=dict(arch=0.5, seed=0),
        searcher=dict(type='mmtransfer.DifferentiableSearcher'),
        regularisers=[dict(type='mmtransfer.CostTerm', factor=0.05)],
    )
    return Config(
        dict(
            default_scope='mmengine',
            model=model,
            train_dataloader=loader(workers=workers),
            val_dataloader=loader(number=4, shuffle=False),
            val_evaluator=dict(type='mmtransfer.TinyAccuracy'),
            val_cfg=dict(type='ValLoop'),
            train_cfg={**loop, **train_cfg},
            optim_wrapper=dict(
                constructor='mmtransfer.SearchOptimWrapperConstructor',
                weights=dict(
                    wrapper, optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4)
                ),
                arch=dict(wrapper, optimizer=dict(type='Adam', lr=0.05, betas=(0.5, 0.999))),
            ),
            param_scheduler=dict(
                weights=[dict(type='MultiStepLR', milestones=[1], by_epoch=True)], arch=[]
            ),
            default_hooks=dict(
                checkpoint=dict(
                    type='mmtransfer.CheckpointHook', interval=1, by_epoch=False, max_keep_ckpts=-1
                ),
                logger=dict(type='LoggerHook', interval=1),
            ),
            custom_hooks=[dict(type='mmtransfer.SearchLogHook')],
            model_wrapper_cfg=dict(type='mmtransfer.AverageGradients'),
            randomness=dict(seed=0),
            work_dir=str(work_dir),
            log_level='WARNING',
        )
    )


def train_config(work_dir, *, workers=0, epochs=4, **train_cfg) -> Config:
    """A whole fine-tune of the network nearest to the seed: 2 steps an epoch."""
    config = search_config(work_dir, workers=workers, epochs=epochs)
    config.train_cfg = dict(type='mmtransfer.SeededTrainLoop', max_epochs=epochs, **train_cfg)
    seed = closest_to_seed(space_around(**SPACE))
    config.model.backbone = dict(
        type='mmtransfer.AdaptedBackbone',
        architecture=json.loads(seed.to_json()),
        out_indices=(6,),
    )
    config.train_dataloader = loader(number=8, workers=workers)
    config.optim_wrapper = dict(
        type='mmtransfer.RegularisedOptimWrapper',
        optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4),
    )
    config.param_scheduler = [dict(type='MultiStepLR', milestones=[1], by_epoch=True)]
    config.custom_hooks = []
    config.model_wrapper_cfg = dict(type='mmtransfer.DistributedDataParallel')
    return config
