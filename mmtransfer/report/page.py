"""What an adaptation came to: a table of networks, and the report page around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any

from mmtransfer.report.tables import markdown_table


@dataclass(frozen=True)
class Result:
    """One network of the comparison.

    Args:
        name: How the table calls it.
        cost: As ``mmtransfer.cost.counter.count_model`` gives it.
        metrics: Test metrics by name, such as ``'coco/bbox_mAP'``; empty, or NaN, where the test
            found nothing.
        search_seconds: Wall time of its search; 0 if there was none.
        tune_seconds: Wall time of its fine-tune.
    """

    name: str
    cost: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, float]
    search_seconds: float = 0.0
    tune_seconds: float = 0.0


def result_table(results: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: cost of backbone and whole network, every metric they share, wall times.

    A network whose test found nothing shares all metrics; ``-`` stands for what it has not got.
    """
    reported = [r.metrics for r in results if r.metrics]
    shared = [m for m in (reported or [{}])[0] if all(m in metrics for metrics in reported)]
    header = ['network', 'backbone params', 'total params', 'backbone MAdds', 'total MAdds']
    header += [m.rpartition('/')[2] for m in shared] + ['search s', 'fine-tune s']
    rows = []
    for r in results:
        params, madds = r.cost['params'], r.cost['madds']
        row = [r.name]
        row += [f'{params[part] / 1e6:.2f}M' for part in ('backbone', 'total')]
        row += [_giga(madds[part]) for part in ('backbone', 'total')]
        row += [_figure(r.metrics.get(m, nan)) for m in shared]
        rows.append([*row, f'{r.search_seconds:.0f}', f'{r.tune_seconds:.0f}'])
    return header, rows


def _giga(madds: int | None) -> str:
    return 'not counted' if madds is None else f'{madds / 1e9:.3f}G'


def _figure(value: float) -> str:
    return f'{value:.3f}' if isfinite(value) else '-'


def remarks(results: Sequence[Result]) -> list[str]:
    """A sentence for every network whose test found nothing, which is no result."""
    return [
        f'The test of {r.name!r} found nothing: no metric has a value, as no prediction passed the '
        f'threshold of its test_cfg, or the test data has nothing to measure. Train it for longer, '
        f'or look at the log of its test.'
        for r in results
        if not any(isfinite(value) for value in r.metrics.values())
    ]


@dataclass(frozen=True)
class Page:
    """Everything the report page says beside the table."""

    title: str
    input_size: tuple[int, int]
    architecture: Mapping[str, str]
    commands: Sequence[str] = field(default_factory=tuple)


def report_page(page: Page, results: Sequence[Result]) -> str:
    """The page as Markdown.

    Args:
        page: Title, input size (H, W), the architecture's options, the commands that were run.
        results: The networks compared.
    """
    height, width = page.input_size
    ops: dict[str, list[str]] = {}
    for choice, option in page.architecture.items():
        ops.setdefault(choice.split('.')[0], []).append(option)
    stages = [[stage, ' '.join(options)] for stage, options in ops.items()]
    parts = [
        f'# {page.title}',
        f'Multiply-adds of one image of {width} x {height} (width x height). Metrics are of the '
        'test data; the checkpoint was chosen on the validation data.',
        markdown_table(*result_table(results)),
        *remarks(results),
        '## Architecture',
        markdown_table(['stage', 'ops'], stages),
        '## Commands',
        '\n'.join(['```', *page.commands, '```']),
    ]
    return '\n\n'.join(parts) + '\n'
