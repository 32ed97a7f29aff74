"""Source training: the same paths everywhere, resumed bit for bit; what is evaluated."""

import socket
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from mmtransfer import compat
from mmtransfer.backbones import DepthSupernet, FNASupernet
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.data.loaders import EndlessSamplerError
from mmtransfer.engine import AverageGradients
from mmtransfer.hooks.checks.search import SearchConfigError
from mmtransfer.hooks.sample_path import SamplePathHook, named_architecture
from mmtransfer.remap import RemapError, load_model
from mmtransfer.space import SpaceError
from mmtransfer.spaces import allocation
from mmtransfer.tasks.classification import ImageClassifier
from tests.engine.test_search_loop import assert_equal_states
from tests.engine.tiny import SPACE

MOST = [2, 2, 2, 2, 1]
SUPERNET = dict(
    type='mmtransfer.DepthSupernet', seed='mobilenet_v2', max_blocks=MOST, out_indices=(6,)
)


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp('images')
    for label, name in enumerate(('dark', 'light')):
        folder = root / 'train' / name
        folder.mkdir(parents=True)
        for i in range(6):
            pixels = np.random.default_rng(i).integers(0, 99, (40, 40, 3)) + 150 * label
            cv2.imwrite(str(folder / f'{i}.png'), pixels.astype(np.uint8))
    return str(root)


class Paths(Hook):
    """Keeps the number of blocks that ran in each iteration, and in validation."""

    priority = 'LOWEST'

    def __init__(self):
        self.train, self.val = [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.train.append(numbers(runner.model.backbone))

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        self.val.append(numbers(runner.model.backbone))


def tensors(path):
    checkpoint = read_checkpoint(path)
    flat = dict(checkpoint['state_dict'])
    for index, state in checkpoint['optimizer']['state'].items():
        flat.update({f'{index}/{name}': value for name, value in state.items()})
    return flat


def numbers(supernet):
    return [int(n) for n in supernet.selection.as_dict.values()]


def config(work_dir, images, *, workers=0, **hook):
    """3 iterations an epoch, 2 epochs."""
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='mmtransfer.RandomResizedCrop', size=32),
        dict(type='RandomFlip', prob=0.5),
        dict(type='mmtransfer.PackImage'),
    ]
    data = dict(type='mmtransfer.ImageFolder', data_root=images, pipeline=pipeline)
    loader = dict(
        batch_size=4,
        num_workers=workers,
        persistent_workers=workers > 0,
        sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=data,
    )
    return Config(
        dict(
            default_scope='mmengine',
            model=dict(
                type='mmtransfer.ImageClassifier',
                backbone=dict(SUPERNET),
                num_classes=2,
                head_channels=32,
                data_preprocessor=dict(
                    type='ImgDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True
                ),
            ),
            train_dataloader=loader,
            val_dataloader=dict(loader, sampler=dict(type='DefaultSampler', shuffle=False)),
            val_evaluator=dict(type='mmtransfer.Accuracy', topk=(1,)),
            val_cfg=dict(type='ValLoop'),
            train_cfg=dict(type='mmtransfer.SeededTrainLoop', max_epochs=2, val_interval=2),
            optim_wrapper=dict(
                type='mmtransfer.RegularisedOptimWrapper',
                optimizer=dict(type='SGD', lr=0.01, momentum=0.9),
            ),
            default_hooks=dict(
                checkpoint=dict(
                    type='mmtransfer.CheckpointHook', interval=1, by_epoch=False, max_keep_ckpts=-1
                )
            ),
            custom_hooks=[
                dict(type='mmtransfer.SamplePathHook', **hook),
                dict(type='mmtransfer.CheckClassesHook'),
            ],
            randomness=dict(seed=0),
            work_dir=str(work_dir),
            log_level='WARNING',
        )
    )


def run(cfg):
    runner = Runner.from_cfg(cfg)
    paths = Paths()
    runner.register_hook(paths)
    runner.train()
    return runner, paths


@pytest.fixture(scope='module')
def whole(tmp_path_factory, images):
    compat.apply()
    folder = tmp_path_factory.mktemp('whole')
    return folder, run(config(folder, images, workers=1))[1]


def test_each_iteration_has_its_path_and_validation_the_largest(whole):
    _, paths = whole
    assert len(paths.train) == 6 and len({tuple(p) for p in paths.train}) > 3
    assert all(1 <= n <= m for path in paths.train for n, m in zip(path, MOST, strict=True))
    assert paths.val == [MOST] * 3


@pytest.mark.parametrize(('stop', 'workers'), [(2, 0), (3, 1)])
def test_resume_is_bit_for_bit(tmp_path, images, whole, stop, workers):
    """Inside an epoch and between two; with another number of workers."""
    folder, paths = whole
    resumed = config(tmp_path, images, workers=workers)
    resumed.resume, resumed.load_from = True, str(folder / f'iter_{stop}.pth')
    torch.manual_seed(999)
    _, again = run(resumed)
    assert again.train == paths.train[stop:]
    assert_equal_states(*(tensors(d / 'iter_6.pth') for d in (folder, tmp_path)))


def test_a_child_takes_its_weights_from_this_space_only(whole):
    file = str(whole[0] / 'iter_6.pth')

    def child(most):
        backbone = dict(
            type='mmtransfer.AdaptedBackbone',
            architecture='mobilenet_v2',
            blocks=[1, 2, 1, 2, 1],
            max_blocks=most,
            out_indices=(6,),
        )
        return ImageClassifier(backbone, 2, head_channels=32)

    model = child(MOST)
    load_model(model, file)
    source = read_checkpoint(file)['state_dict']
    assert all(torch.equal(t, source[name]) for name, t in model.state_dict().items())
    with pytest.raises(RemapError, match='must be of one search space'):
        load_model(child([2, 2, 2, 2, 2]), file)


def test_a_stock_loop_and_another_evaluation(tmp_path, images):
    cfg = config(tmp_path, images, evaluate=[1, 2, 1, 1, 1])
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2, val_interval=2)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    runner, paths = run(cfg)
    assert len(paths.train) == 2 and paths.val == [[1, 2, 1, 1, 1]] * 3
    assert 0 <= runner.message_hub.get_scalar('val/accuracy/top1').current() <= 100


def test_an_endless_sampler_is_refused(tmp_path, images):
    cfg = config(tmp_path, images)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    with pytest.raises(EndlessSamplerError, match='InfiniteSampler goes on'):
        run(cfg)


def test_what_can_be_evaluated():
    space = DepthSupernet('mobilenet_v2', MOST).space
    blocks = lambda name: [int(n) for n in named_architecture(space, name).as_dict.values()]  # noqa: E731
    assert blocks('largest') == MOST and blocks('seed') == MOST
    assert blocks((1, 1, 2, 1, 1)) == [1, 1, 2, 1, 1]
    with pytest.raises(ValueError, match="must be 'largest', 'seed', numbers.*received 5"):
        named_architecture(space, 5)
    with pytest.raises(SpaceError, match='9'):
        blocks([9, 1, 1, 1, 1])
    with pytest.raises(SpaceError):
        named_architecture(space, allocation('resnet18', [1, 1, 1, 1]))
    other = FNASupernet(**SPACE)
    with pytest.raises(ValueError, match=r"'seed' or an architecture file.*received 'largest'"):
        named_architecture(other.space, 'largest')
    assert named_architecture(other.space, 'seed') == other.selection


def test_no_place_for_it():
    hook, plain = SamplePathHook(), torch.nn.Linear(1, 1)
    with pytest.raises(SearchConfigError, match='exactly one supernet in the model'):
        hook.before_run(SimpleNamespace(model=plain, _train_loop={}))
    loop = SimpleNamespace(searcher=None)
    with pytest.raises(SearchConfigError, match='selects the paths itself. Remove the hook'):
        hook.before_run(SimpleNamespace(model=plain, _train_loop=loop))


class Keep(OptimWrapper):
    """Keeps the gradients."""

    def update_params(self, loss):
        self.backward(loss)


def rank_worker(rank, port, folder):
    dist.init_process_group('gloo', init_method=f'tcp://127.0.0.1:{port}', rank=rank, world_size=2)
    torch.manual_seed(rank)
    model = AverageGradients(ImageClassifier(dict(SUPERNET), 2, head_channels=32))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    hook = SamplePathHook()
    runner = SimpleNamespace(model=model, _train_loop={}, seed=7 + get_rank(), iter=0)
    found = []
    hook.before_run(runner)
    for runner.iter in range(2):
        optimizer.zero_grad()
        hook.before_train_iter(runner, 0)
        data = dict(
            inputs=torch.randn(2, 3, 32, 32),
            data_samples=[BaseDataElement(gt_label=label) for label in (0, 1)],
        )
        model.train_step(data, Keep(optimizer))
        active = [p for p in model.parameters() if p.grad is not None]
        found.append(
            dict(
                path=numbers(model.module.backbone),
                reduced=model.reduced_bytes,
                active=sum(p.numel() * 4 for p in active),
                all=sum(p.numel() * 4 for p in model.parameters()),
                grad=float(sum(p.grad.double().square().sum() for p in active)),
            )
        )
        hook.after_train_iter(runner, 0)
    torch.save(found, f'{folder}/{rank}.pth')
    dist.destroy_process_group()


def test_two_ranks_take_one_path_and_reduce_what_is_active(tmp_path):
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    mp.spawn(rank_worker, (port, str(tmp_path)), nprocs=2)
    one, two = (torch.load(tmp_path / f'{r}.pth', weights_only=True) for r in (0, 1))
    assert one == two
    for step in one:
        assert step['reduced'] == step['active'] < step['all']
