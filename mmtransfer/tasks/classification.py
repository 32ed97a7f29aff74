"""An image classifier around any backbone, and its accuracy: block allocation's source task."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.nn import functional as F

from mmtransfer.backbones import take_remap
from mmtransfer.blocks import conv_norm_act
from mmtransfer.checkpoints.tensors import check_values, load_tensors
from mmtransfer.registry import METRICS, MODELS
from mmtransfer.remap.load import load_last_conv
from mmtransfer.remap.sources import held_network
from mmtransfer.seeds.namings import SeedCheckpointError, recognise


@MODELS.register_module()
class ImageClassifier(BaseModel):
    """Backbone, a 1x1 convolution where the seed has one, mean over the image, linear layer.

    ``head`` is the convolution with norm and activation (nothing for a ResNet), ``fc`` the linear
    layer; tensors have the names of ``mmtransfer.tasks.classifier.SeedClassifier``. The loss
    is the cross entropy. A toolbox's backbone has no convolution unless ``head_channels`` asks for
    one.

    Args:
        backbone: Config; the last of its features is classified.
        num_classes: How many classes there are.
        label_smoothing: Share of every target that is spread evenly over all classes, in [0, 1).
        in_channels: Of the backbone's last features. Needed only for a backbone that does not say
            so by ``out_channels``; otherwise it must be the same.
        head_channels: Of the 1x1 convolution; 0 for none; None for as many as the seed has.
        data_preprocessor: Config, such as ``dict(type='ImgDataPreprocessor', mean=..., std=...,
            bgr_to_rgb=True)``.
        init_cfg: As MMEngine's, or ``dict(type='mmtransfer.Remap', checkpoint=...)`` to take the
            convolution from a checkpoint of the seed network, with ``classes=True`` the linear
            layer too. The backbone has an ``init_cfg`` of its own.

    Raises:
        ValueError: An argument is out of its range; the message gives the range.
    """

    def __init__(
        self,
        backbone: dict,
        num_classes: int = 1000,
        label_smoothing: float = 0.0,
        in_channels: int | None = None,
        head_channels: int | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        init_cfg, self._remap_cfg = take_remap(init_cfg)
        super().__init__(data_preprocessor, init_cfg)
        if num_classes < 1:
            raise ValueError(f'num_classes must be at least 1; received {num_classes}.')
        if not 0 <= label_smoothing < 1:
            raise ValueError(f'label_smoothing must lie in [0, 1); received {label_smoothing}.')
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing
        self.backbone = MODELS.build(backbone)
        self.in_channels = _width(self.backbone, in_channels)
        seed = getattr(self.backbone, 'seed', None)
        if self._remap_cfg is not None and seed is None:
            raise ValueError(
                f"init_cfg of type 'mmtransfer.Remap' needs a backbone of ours, which knows its "
                f"seed; received {type(self.backbone).__name__}. Use MMEngine's "
                f"dict(type='Pretrained', checkpoint=...)."
            )
        if head_channels is None:
            head_channels = 0 if seed is None else seed.head_channels
        self.head: nn.Module = nn.Identity()
        if head_channels:
            self.head = conv_norm_act(
                self.in_channels,
                head_channels,
                1,
                norm_cfg=getattr(self.backbone, 'norm_cfg', dict(type='BN')),
                act_cfg=dict(type='ReLU' if seed is None else seed.act),
            )
        self.fc = nn.Linear(head_channels or self.in_channels, num_classes)

    def init_weights(self) -> None:
        """Initialise as MMEngine does, then take the classifier of the seed, if asked to.

        Raises:
            SeedCheckpointError: The checkpoint lacks what is asked for, or has other classes.
        """
        done = self.is_init
        super().init_weights()
        if done:
            return
        nn.init.normal_(self.fc.weight, 0.0, 0.01)
        nn.init.zeros_(self.fc.bias)
        if self._remap_cfg is not None:
            self._take_classifier(**self._remap_cfg)

    def _take_classifier(
        self, checkpoint: str, classes: bool = False, key: str | None = None, prefix: str = ''
    ) -> None:
        seed = held_network(self.backbone)
        if not isinstance(self.head, nn.Identity):
            load_last_conv(self.head, seed, checkpoint, key, prefix)
        if not classes:
            return
        tensors = load_tensors(checkpoint, key, prefix)
        shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
        _, names = recognise(shapes, seed, f"'{checkpoint}'")
        linear = {key: names.get(f'fc.{key}') for key in ('weight', 'bias')}
        found = {key: shapes[theirs] for key, theirs in linear.items() if theirs is not None}
        own = self.fc.state_dict()
        wanted = {key: tuple(tensor.shape) for key, tensor in own.items()}
        if found != wanted:
            raise SeedCheckpointError(
                f"'{checkpoint}' must hold a linear layer of the shapes {wanted}; it has {found}. "
                f'Leave out classes=True where the classes are others.'
            )
        taken = {key: tensors[str(theirs)] for key, theirs in linear.items()}
        check_values(taken, own, {k: str(theirs) for k, theirs in linear.items()}, checkpoint)
        self.fc.load_state_dict(taken)

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[BaseDataElement] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Classify.

        Args:
            inputs: Images, (N, 3, H, W), normalised.
            data_samples: N of them; for the loss each has ``gt_label``, an index below
                ``num_classes``.
            mode: ``'tensor'``: the scores before the softmax, (N, classes). ``'loss'``:
                ``{'loss_cls': scalar}``. ``'predict'``: the samples (new ones if none are given)
                with ``pred_scores``, probabilities (classes,), and ``pred_label``.
        """
        scores = self.fc(self.head(self.backbone(inputs)[-1]).mean((2, 3)))
        if mode == 'tensor':
            return scores
        if mode == 'loss':
            assert data_samples is not None, 'the loss needs data_samples with gt_label'
            labels = torch.tensor([s.gt_label for s in data_samples], device=scores.device)
            smooth = self.label_smoothing
            return dict(loss_cls=F.cross_entropy(scores, labels, label_smoothing=smooth))
        if mode != 'predict':
            raise ValueError(f"mode must be 'tensor', 'loss' or 'predict'; received {mode!r}.")
        samples = data_samples or [BaseDataElement() for _ in scores]
        probabilities = scores.softmax(1)
        labels = probabilities.argmax(1).tolist()  # the device is waited for once a batch
        for sample, own, label in zip(samples, probabilities, labels, strict=True):
            sample.set_field(own, 'pred_scores')
            sample.set_field(label, 'pred_label')
        return samples


def _width(backbone: Any, in_channels: int | None) -> int:
    """Channels of a backbone's last features."""
    own = getattr(backbone, 'out_channels', None)
    if isinstance(own, Sequence):
        own = own[-1]
    given = in_channels if own is None else own
    if given is None or in_channels not in (None, given):
        raise ValueError(
            f"in_channels must be the channels of the backbone's last features, which "
            f'{type(backbone).__name__} gives as {own}; received {in_channels}. Set '
            f'model.in_channels{f"={own} or leave it out" if own else ""}.'
        )
    return given


@METRICS.register_module()
class Accuracy(BaseMetric):
    """Share of the images whose class is among the k best-scored ones, in percent.

    Equal scores count against the truth, and so do scores that are not finite.

    Args:
        topk: The ks; each gives a metric ``accuracy/top<k>``.
        **kwargs: As MMEngine's: collect_device, prefix, collect_dir.

    Raises:
        ValueError: A k below 1, or above the number of classes.
    """

    default_prefix = 'accuracy'

    def __init__(self, topk: Sequence[int] = (1, 5), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.topk = tuple(topk)
        if not self.topk or min(self.topk) < 1:
            raise ValueError(f'topk must hold numbers from 1 on; received {self.topk}.')

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the rank of the truth, from 0, in every prediction."""
        scores = torch.stack([sample['pred_scores'] for sample in data_samples])
        if max(self.topk) > scores.shape[1]:
            raise ValueError(
                f'topk must lie within the {scores.shape[1]} classes; received {self.topk}. '
                f'Correct it in val_evaluator and test_evaluator.'
            )
        labels = torch.tensor([int(s['gt_label']) for s in data_samples], device=scores.device)
        truth = scores.gather(1, labels[:, None])
        # The device is waited for once a batch.
        self.results.extend(((~(scores < truth)).sum(1) - 1).tolist())

    def compute_metrics(self, results: list[int]) -> dict[str, float]:
        """Percentages over all images."""
        ranks = np.asarray(results)
        return {f'top{k}': float((ranks < k).mean() * 100) for k in self.topk}
