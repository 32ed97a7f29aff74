"""The held-out part as data to predict: read by the validation pipeline, annotations cut to it."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dataset import Compose
from mmengine.dist import barrier, is_main_process

from mmtransfer.data.split import innermost
from mmtransfer.files import write_atomically
from mmtransfer.randomness import draw_rng


class EvaluationError(ValueError):
    """Settings by which candidates cannot be scored."""


def as_validated(dataset: Any, val_loader: Mapping, samples: int | None, seed: int) -> Any:
    """The held-out samples, read by the validation data's pipeline.

    Args:
        dataset: The held-out part; what wraps the innermost dataset (mosaics, repeats) is left out.
        val_loader: ``val_dataloader`` of the config.
        samples: Keep so many, drawn by the seed; None keeps all.
        seed: Decides which.

    Raises:
        EvaluationError: The part is made of several datasets.
    """
    parts = list(innermost(dataset))
    if len(parts) != 1:
        raise EvaluationError(
            f'a metric can be computed on one dataset; the held-out part has {len(parts)} joined '
            f"ones. Score by the loss (metric='loss'), or name a dataset of its own in split.arch."
        )
    found = copy.copy(parts[0])
    settings: Any = val_loader['dataset']
    while 'dataset' in settings or 'datasets' in settings:
        settings = settings['dataset'] if 'dataset' in settings else settings['datasets'][0]
    found.pipeline = Compose(settings.get('pipeline', []))
    found.test_mode = True
    if samples is not None and samples < len(found):
        chosen = draw_rng(seed, 'held-out samples').sample(range(len(found)), samples)
        found.get_subset_(sorted(chosen))
    return found


def restrict_evaluator(config: Any, dataset: Any, file: Path) -> Any:
    """An evaluator's config whose annotation file holds the images of a dataset and no others.

    A metric that reads a file in COCO's format counts every image in it that is not predicted as
    missed. So the dataset's own file is cut to its images.

    Args:
        config: One metric's config, or several. Metrics without ``ann_file`` stay as they are.
        dataset: What will be predicted.
        file: Where to write the cut annotations.

    Raises:
        EvaluationError: The dataset's annotations are no COCO file.
    """
    metrics = [
        copy.deepcopy(dict(c)) for c in (config if isinstance(config, (list, tuple)) else [config])
    ]
    wanting = [m for m in metrics if m.get('ann_file')]
    if wanting:
        content = _cut(dataset)  # on every rank, so that all of them see an error
        if is_main_process():
            write_atomically(json.dumps(content), file)
        barrier()
    for metric in wanting:
        metric['ann_file'] = str(file)
    return metrics


def _cut(dataset: Any) -> dict[str, Any]:
    source = str(getattr(dataset, 'ann_file', ''))
    try:
        content = json.loads(Path(source).read_text())
        images = {dataset.get_data_info(i)['img_id'] for i in range(len(dataset))}
        return {
            **content,
            'images': [image for image in content['images'] if image['id'] in images],
            'annotations': [a for a in content['annotations'] if a['image_id'] in images],
        }
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise EvaluationError(
            f"the evaluator reads an annotation file, and the held-out samples need one in COCO's "
            f'format to cut theirs from; received {source!r} ({type(error).__name__}: {error}). '
            f'Give evaluation.evaluator with an ann_file of the held-out images alone, or score by '
            f"the loss (metric='loss')."
        ) from None
