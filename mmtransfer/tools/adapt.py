"""Adapt a network: search, derive, remap, recalibrate, fine-tune, test, report.

python tools/adapt.py configs/fna/retinanet_efflite0_{search,adapt}_bccd.py \\
    --seed configs/fna/retinanet_efflite0_seed_bccd.py

Everything is written under the work directory; the same command continues an interrupted run.
"""

import argparse
import json
import math
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmtransfer.architecture import Architecture, unfinished
from mmtransfer.files import write_atomically
from mmtransfer.lock import lock_folder
from mmtransfer.report import Page, Result, plain_table, remarks, report_page, result_table
from mmtransfer.tools._arguments import (
    CHECKPOINTS,
    add_cfg_options,
    config_file,
    folder,
    positive,
    tool_parser,
)
from mmtransfer.tools._config import (
    ConfigError,
    check_backbone,
    check_schedule,
    check_search,
    is_search,
    read_config,
)
from mmtransfer.tools._errors import run_tool
from mmtransfer.tools._options import settings
from mmtransfer.tools._stages import Job, Stage

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmtransfer.cost.counter import Counts


@dataclass
class Adaptation:
    """The stages from a search config and an adapt config to a report.

    Args:
        root: Work directory of the whole.
        search, adapt, seed: The configs to run; ``seed`` is the rival, or None. The adapt config
            is changed to read what this search writes.
        processes: Run each training in this many processes.
        extra: Text that the trainings follow from beside their configs.
    """

    root: Path
    search: 'Config'
    adapt: 'Config'
    seed: 'Config | None' = None
    processes: int = 1
    extra: str = ''

    def __post_init__(self) -> None:
        self.found = self.root / 'architecture.json'
        before = ''
        for backbone in self._backbones(self.adapt).values():
            given = backbone.get('architecture')
            before = given if isinstance(given, str) else before
            backbone.architecture = str(self.found)
            for key in ('blocks', 'max_blocks'):  # they would choose a network by themselves
                backbone.pop(key, None)
        self.other_runs = run_folders(before)
        from mmtransfer.hooks.remap import remap_hooks

        for _, hook in remap_hooks(self.adapt):
            if of_one_search(before, hook['checkpoint']):
                self.other_runs |= run_folders(hook['checkpoint'])
                hook['checkpoint'] = str(self.root / 'search')

    def check(self) -> None:
        """Look before the first stage whether the last ones could work.

        Raises:
            ConfigError: The adapted network could not be built, or the fine-tune would read what
                is not there, or what another run of the search has written.
        """
        from mmtransfer.backbones import AdaptedBackbone
        from mmtransfer.hooks.remap import remap_hooks
        from mmtransfer.registry import MODELS, is_a

        scope = self.adapt.get('default_scope')
        for name, backbone in self._backbones(self.adapt).items():
            if not is_a(backbone, AdaptedBackbone, MODELS, scope):
                raise ConfigError(
                    f'{name} of the adapt config must be an mmtransfer.AdaptedBackbone, which '
                    f'takes what the search finds; received {backbone.get("type")!r} in '
                    f"'{self.adapt.filename}'."
                )
        for key, value in settings(self.adapt):
            path = Path(value) if isinstance(value, str) else Path()
            if self.other_runs & {path, *path.parents}:
                raise ConfigError(
                    f"{key} of the adapt config is '{value}', of another run of the search; the "
                    f"fine-tune must read what this one writes, '{self.root / 'search'}'. Let a "
                    f'RemapHook (default_hooks.remap) take the weights, or leave this setting out.'
                )
        for key, hook in remap_hooks(self.adapt):
            file = str(hook['checkpoint'])
            written = Path(file) == self.root / 'search'
            if not written and '://' not in file and not Path(file).exists():
                raise ConfigError(
                    f"{key}.checkpoint of the adapt config is '{file}', which must exist before "
                    f'the first stage, because none writes it. Run the training that does.'
                )

    @staticmethod
    def _backbones(cfg: 'Config') -> dict:
        """Those of ours by their keys, else what stands in their place."""
        from mmtransfer.cost.config import own_backbone_configs

        own = own_backbone_configs(cfg.model, cfg.get('default_scope'))
        return own or {'model.backbone': cfg.model.backbone}

    def uncounted(self) -> list[str]:
        """What the report will leave out, found before the first stage; the seed's network stands
        for the adapted one.

        Raises:
            ValueError: A model cannot be built.
        """
        size = tuple(self.search.train_cfg.input_size)
        like = next(iter(self._backbones(self.search).values())).get('seed')
        networks = [('the adapted network', self.adapt, like)] if like else []
        networks += [('the seed', self.seed, None)] if self.seed else []
        return [
            f'the report will not have the multiply-adds of the {part} of {title}: {why}'
            for title, cfg, architecture in networks
            for part, why in count(cfg, size, architecture).get('reasons', {}).items()
        ]

    def stages(self) -> list[Stage]:
        """All stages in order. Writes the configs that they read."""
        derive = ['tools/derive.py', self._path('search'), str(self.root / 'search')]
        stages = [
            self._train('search', self.search, 'search: architecture and weights'),
            Stage(
                'derive',
                'derive the architecture',
                [*derive, '-o', str(self.found)],
                '',
                ('search',),
            ),
            self._train('adapt', self.adapt, 'adapted: remap, recalibrate, fine-tune', ('derive',)),
            self._test('adapt', 'adapted: test'),
        ]
        if self.seed is not None:
            rival = [
                self._train('seed', self.seed, 'seed: fine-tune'),
                self._test('seed', 'seed: test'),
            ]
            stages = rival + stages
        return stages

    def run(self, verbose: bool = False) -> list[Result]:
        """Run what is not finished, write ``report.md``.

        Returns:
            The results in the order of the table: the seed if it is given, the adapted network.

        Raises:
            StageError: A stage failed.
        """
        self.lock = lock_folder(self.root)  # as long as this object lives
        job = Job(self.root / 'adapt.json', self.stages(), verbose)
        job.run()
        size = tuple(self.search.train_cfg.input_size)
        results = []
        for name, title, cfg in (('seed', 'seed', self.seed), ('adapt', 'adapted', self.adapt)):
            if cfg is None:
                continue
            measured = json.loads(self._metrics(name).read_text())
            metrics = {k: math.nan if v is None else v for k, v in measured.items()}
            searched = job.seconds('search') if name == 'adapt' else 0.0
            results.append(Result(title, count(cfg, size), metrics, searched, job.seconds(name)))
        commands = [shlex.join(s.command_line) for s in job.stages]
        found = Architecture.read(self.found)
        warning = unfinished('the architecture is', found.provenance)
        if warning:
            print(f'warning: {warning}', file=sys.stderr)
        page = Page(f'Adaptation in {self.root.name}', size, found.as_dict, commands)
        write_atomically(report_page(page, results), self.root / 'report.md')
        return results

    def _path(self, name: str) -> str:
        return str(self.root / 'configs' / f'{name}.py')

    def _metrics(self, name: str) -> Path:
        return self.root / f'{name}_test.json'

    def _train(self, name: str, cfg: 'Config', title: str, after: tuple[str, ...] = ()) -> Stage:
        path, folder, text = self._path(name), self.root / name, cfg.pretty_text
        write_atomically(text, path)
        command = ['tools/train.py', path]
        if self.processes > 1:
            command = ['tools/dist_train.sh', path, str(self.processes)]
        command += ['--work-dir', str(folder)]
        batch = int(cfg.train_dataloader.get('batch_size', 1)) * self.processes
        inputs, train_cfg = text + self.extra, dict(cfg.train_cfg)
        return Stage(name, title, command, inputs, after, folder, train_cfg, batch)

    def _test(self, name: str, title: str) -> Stage:
        folder = self.root / 'test' / name
        command = ['tools/test.py', self._path(name), str(self.root / name)]
        command += ['--work-dir', str(folder), '--json', str(self._metrics(name))]
        return Stage(f'{name}_test', title, command, '', (name,))


def run_folders(file: str) -> set[Path]:
    """The work directory that a file lies in, or that is given itself; nothing for a seed."""
    path = Path(file)
    if len(path.parts) < 2:
        return set()
    folder = path.parent if path.suffix in ('.json', *CHECKPOINTS) else path
    return {folder.parent if folder.name == 'chain' else folder}


def of_one_search(architecture: str, checkpoint: str) -> bool:
    """Whether weights lie where the architecture lies, or the architecture is no file.

    Those that lie elsewhere are of a training between the two (FNA++, Table 13, row 6).
    """
    file, weights = Path(architecture), Path(checkpoint)
    return len(file.parts) < 2 or weights in file.parents or file.parent in weights.parents


def count(cfg: 'Config', size: tuple[int, int], architecture: str | None = None) -> 'Counts':
    """Parameters and multiply-adds of a config's model at an input of (H, W), with another
    architecture than its own if one is given."""
    from mmtransfer.cost.config import build_model
    from mmtransfer.cost.counter import count_model

    return count_model(build_model(cfg, architecture), size)


def check_roles(search: 'Config', adapt: 'Config', seed: 'Config | None') -> None:
    """Raise ConfigError unless the first config is a search, and the others are fine-tunes."""
    check_search(search)
    for cfg, option in ((adapt, 'the second config'), (seed, '--seed')):
        if cfg is not None and is_search(cfg):
            raise ConfigError(
                f"{option} must be a fine-tune; '{cfg.filename}' is a search. Name a config like "
                f'*_adapt*.py, or *_seed*.py for --seed.'
            )
    for cfg in filter(None, (search, adapt, seed)):
        check_schedule(cfg)
        if not cfg.get('train_cfg') or not cfg.get('train_dataloader'):
            raise ConfigError(
                f"'{cfg.filename}' must say how to train: it needs train_cfg and train_dataloader."
            )
    check_backbone(adapt)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('search', type=config_file, help='config of the search')
    parser.add_argument(
        'adapt', type=config_file, help='config of the fine-tune of the adapted network'
    )
    parser.add_argument(
        '--seed', type=config_file, help='config of the fine-tune of the seed network, to compare'
    )
    parser.add_argument('--work-dir', type=folder, help='default work_dirs/<search config>_adapted')
    parser.add_argument('--processes', type=positive, default=1, help='per training')
    parser.add_argument('--verbose', action='store_true', help='show the logs of the stages')
    add_cfg_options(parser, 'settings to change in every config given, as')
    args = parser.parse_args(argv)
    args.work_dir = args.work_dir or f'work_dirs/{Path(args.search).stem}_adapted'
    return args


def run(args: argparse.Namespace) -> None:
    """Run the stages, show the table."""
    search, adapt, seed = (
        read_config(path, args.cfg_options) if path else None
        for path in (args.search, args.adapt, args.seed)
    )
    check_roles(search, adapt, seed)
    root = Path(args.work_dir)
    adaptation = Adaptation(root.resolve(), search, adapt, seed, args.processes)
    adaptation.check()
    for text in adaptation.uncounted():
        print(f'note: {text}', flush=True)
    results = adaptation.run(args.verbose)
    print(f'\n{plain_table(*result_table(results))}\n')
    print(*remarks(results), f'The whole report: {root / "report.md"}', sep='\n')


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
