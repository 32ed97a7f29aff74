"""Stages of a job that run one after another and need not run twice."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmtransfer.files import write_atomically
from mmtransfer.report import clock, expected_work, read_position
from mmtransfer.tools._config import PACKAGE
from mmtransfer.tools._errors import UserError
from mmtransfer.tools._processes import ends_with_parent


class StageError(UserError):
    """A stage ended with an error."""

    status = 1


class RecordError(UserError):
    """A record of finished stages that was edited or damaged."""


@dataclass(frozen=True)
class Stage:
    """One command.

    Args:
        name: Its key in the record of finished stages.
        title: What it does, for people.
        command: Script, ``tools/train.py``, and its arguments.
        inputs: What its result follows from beside earlier stages: the text of its config.
        after: Names of the earlier stages whose results it reads.
        folder: Its work directory; one that an interrupted run left is continued.
        train_cfg: Of its config, if it trains.
        batch: Images of one of its iterations, over all processes.
    """

    name: str
    title: str
    command: Sequence[str]
    inputs: str = ''
    after: tuple[str, ...] = ()
    folder: Path | None = None
    train_cfg: dict | None = None
    batch: int = 1

    @property
    def command_line(self) -> list[str]:
        """As it is typed in the repository root."""
        return ['python' if self.command[0].endswith('.py') else 'bash', *self.command]

    def work(self, images: float, share: float | None = None) -> float:
        """Expected work in passes of the plain network over the training set.

        Args:
            images: Of the training set.
            share: Of the iterations; by default all of them, and what follows.
        """
        if self.train_cfg is None:
            return 0.2
        return expected_work(self.train_cfg, share, images / self.batch)


class Job:
    """Runs stages in order; remembers the finished ones in a file and continues where it stopped.

    A stage counts as finished only while its config and those of the stages that it builds on are
    what they were; otherwise its folder is moved aside and it runs again.

    Args:
        record: The JSON file of finished stages.
        stages: In order.
        verbose: Show the output of the stages instead of one line of progress.

    Raises:
        RecordError: The file is not what a job writes.
    """

    def __init__(self, record: Path, stages: Sequence[Stage], verbose: bool = False) -> None:
        self.record = record
        self.stages = list(stages)
        self.verbose = verbose
        self.done = _read(record) if record.exists() else {}
        self.digests: dict[str, str] = {}
        for stage in self.stages:
            before = [self.digests[name] for name in stage.after]
            parts = json.dumps([before, list(stage.command), stage.inputs])
            self.digests[stage.name] = hashlib.sha256(parts.encode()).hexdigest()[:16]
        self._spent: list[Stage] = []
        self._first: tuple[float, float] | None = None
        self._shown = 0.0

    def finished(self, stage: Stage) -> bool:
        """Whether the stage has been run with these very inputs."""
        entry = self.done.get(stage.name, {})
        return entry.get('digest') == self.digests[stage.name] and entry.get('finished', False)

    def seconds(self, name: str) -> float:
        """Wall time of a stage, its interrupted beginnings included."""
        return self.done.get(name, {}).get('seconds', 0.0)

    def run(self) -> None:
        """Run what is not finished.

        Raises:
            StageError: A stage failed; the message ends with the end of its output.
        """
        for number, stage in enumerate(self.stages, 1):
            head = f'[{number}/{len(self.stages)}] {stage.title}'
            if self.finished(stage):
                print(f'{head}: done before, in {clock(self.seconds(stage.name))}', flush=True)
            else:
                print(head, flush=True)
                self._run(stage, head)
                print(f'{head}: done in {clock(self.seconds(stage.name))}', flush=True)
            if stage.train_cfg is not None:
                self._spent.append(stage)

    def _run(self, stage: Stage, head: str) -> None:
        digest, entry = self.digests[stage.name], self.done.get(stage.name, {})
        command = [sys.executable if stage.command[0].endswith('.py') else 'bash']
        command += [str(PACKAGE / stage.command[0]), *stage.command[1:]]
        folder = stage.folder
        if folder is not None and folder.exists() and entry.get('digest') != digest:
            folder.rename(_free_name(folder))
        if entry.get('digest') != digest:
            entry = {'digest': digest, 'seconds': 0.0}
        elif folder is not None and (folder / 'last_checkpoint').exists():
            command.append('--resume')
            print(f'{head}: continuing', flush=True)
        self._first = None
        self._note(stage.name, {**entry, 'finished': False})
        before, began = entry['seconds'], time.monotonic()
        try:
            code = self._call(stage, command, head, began)
        finally:
            entry = {**entry, 'seconds': before + time.monotonic() - began}
            self._note(stage.name, {**entry, 'finished': False})
        log = self._log(stage)
        if code:
            end = '\n'.join(log.read_text(errors='replace').splitlines()[-25:])
            raise StageError(
                f'{head} failed with code {code}. The end of its output ({log}):\n{end}\n'
                'Mend the cause and run the same command again: it goes on from here.'
            )
        self._note(stage.name, {**entry, 'finished': True})

    def _note(self, name: str, entry: dict) -> None:
        self.done[name] = entry
        write_atomically(json.dumps(self.done, indent=1), self.record)

    def _log(self, stage: Stage) -> Path:
        return self.record.parent / 'logs' / f'{stage.name}.log'

    def _call(self, stage: Stage, command: list[str], head: str, began: float) -> int:
        """Run the command; its output goes to a file, and how far it is to the terminal."""
        log = self._log(stage)
        log.parent.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get('PYTHONPATH')]))
        env = dict(os.environ, PYTHONPATH=path, PYTHONUNBUFFERED='1', PYTHON=sys.executable)
        with log.open('a') as file, subprocess.Popen(
            command, env=env, text=True, errors='replace',
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=ends_with_parent(os.getpid()),
        ) as process:  # fmt: skip
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    file.write(line)
                    file.flush()
                    if self.verbose:
                        print(line, end='', flush=True)
                    else:
                        self._show(stage, head, line, time.monotonic() - began)
            except BaseException:
                process.terminate()
                raise
            return process.wait()

    def _show(self, stage: Stage, head: str, line: str, elapsed: float) -> None:
        """One line every few seconds: how far it is, the time left for the stage and for all."""
        position = read_position(line)
        if position is None or position.mode != 'train' or stage.train_cfg is None:
            return
        share, length = position.share(stage.train_cfg), position.length(stage.train_cfg)
        if length is not None and self.images is None:
            self._note('data', {'images': length * stage.batch})
        # The start of a stage, which takes as long however short it is, is no part of its pace.
        began, first = self._first = self._first or (elapsed, share)
        if time.monotonic() - self._shown < 10 or not share > first:
            return
        self._shown = time.monotonic()
        left, rest = self._left(stage, (first, share), elapsed - began)
        in_all = '' if rest is None else f', {clock(left + rest)} in all'
        print(f'{head}: {position}; about {clock(left)} left here{in_all}', flush=True)

    @property
    def images(self) -> float | None:
        """Images of the training set, once a training that counts epochs has said it."""
        return self.done.get('data', {}).get('images')

    def _left(
        self, stage: Stage, shares: tuple[float, float], elapsed: float
    ) -> tuple[float, float | None]:
        """Seconds left for a stage and for those after it.

        Args:
            stage: The one that runs.
            shares: Of its iterations, between which ``elapsed`` seconds have passed.
        """
        later = [s for s in self.stages[self.stages.index(stage) + 1 :] if not self.finished(s)]
        trained = [s.train_cfg for s in (stage, *self._spent, *later) if s.train_cfg is not None]
        # Where all of them count iterations, an iteration may stand for a pass.
        comparable = self.images or not any('max_epochs' in cfg for cfg in trained)
        images = self.images or stage.batch
        first, here, whole = (stage.work(images, share) for share in (*shares, None))
        if not comparable:
            return elapsed * (whole - here) / (here - first), None
        elapsed += sum(self.seconds(s.name) for s in self._spent)
        rate = elapsed / (here - first + sum(s.work(images) for s in self._spent))
        return rate * (whole - here), rate * sum(s.work(images) for s in later)


# What is noted of a stage, and of the data.
_NOTED: dict[str, type | tuple[type, ...]] = {
    'digest': str, 'seconds': (int, float), 'finished': bool, 'images': (int, float)
}  # fmt: skip


def _read(record: Path) -> dict[str, dict]:
    """The finished stages, by name.

    Raises:
        RecordError: Says what is wrong in the file.
    """
    try:
        done = json.loads(record.read_text())
    except ValueError as error:  # no JSON, or no text
        raise _refusal(record, f'it cannot be read: {error}') from None
    if not isinstance(done, dict):
        raise _refusal(record, f'it holds a {type(done).__name__}')
    for name, entry in done.items():
        needed = {'images'} if name == 'data' else {'digest', 'seconds'}
        if not isinstance(entry, dict) or not needed <= entry.keys():
            raise _refusal(record, f'{name!r} must have {", ".join(sorted(needed))}')
        for key, value in entry.items():
            if key in _NOTED and not isinstance(value, _NOTED[key]):
                raise _refusal(record, f'{name}.{key} is {value!r}')
    return done


def _refusal(record: Path, wrong: str) -> RecordError:
    return RecordError(
        f"'{record}' must be the record of finished stages as this tool has written it; {wrong}. "
        f'Put the file back as it was. Or move it away: then every stage runs again, and the '
        f'folders of the earlier run are kept under other names.'
    )


def _free_name(folder: Path) -> Path:
    """``folder.old1``, or the first of its kind that is free."""
    number = 1
    while (candidate := folder.with_name(f'{folder.name}.old{number}')).exists():
        number += 1
    return candidate
