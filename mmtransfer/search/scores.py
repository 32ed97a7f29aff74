"""What candidates scored: a value that is a cache, a result and a file."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmtransfer.architecture import Architecture
from mmtransfer.space import SearchSpace

FORMAT = 1
RULES = ('less', 'greater')


class ScoresError(ValueError):
    """Scores of another space or of another evaluation, or a file that holds none."""


@dataclass
class Scores:
    """Candidates of one space, and what each scored under one evaluation. Nothing is rounded.

    Args:
        space: Of the candidates.
        rule: ``'less'`` where a lower score is better, ``'greater'`` where a higher one is.
        evaluation: What the scores follow from beside the candidate: the weights, the metric, the
            data. JSON values; scores are only ever joined when it is the same.
        values: Candidate -> score; NaN where there was nothing to score. What is not finite ranks
            last.
        metrics: Candidate -> all that its evaluation said beside the score, where it said more.
    """

    space: SearchSpace
    rule: str = 'less'
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    values: dict[Architecture, float] = field(default_factory=dict)
    metrics: dict[Architecture, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f'the rule must be one of {", ".join(RULES)}; received {self.rule!r}.')

    def fitness(self, architecture: Architecture) -> float:
        """The score with the sign at which greater is better; minus infinity if not finite."""
        score = self.values[architecture]
        if not math.isfinite(score):
            return -math.inf
        return score if self.rule == 'greater' else -score

    def are_alike(self, candidates: Iterable[Architecture]) -> bool:
        """Whether no score tells these candidates apart; scores that are not finite are alike."""
        return len({self.fitness(candidate) for candidate in candidates}) <= 1

    def to_number(self, architecture: Architecture) -> float | None:
        """The score as a JSON value; None if not finite."""
        score = self.values[architecture]
        return score if math.isfinite(score) else None

    def ranking(self) -> list[Architecture]:
        """All candidates, the best first; of equals the one that was scored first."""
        return sorted(self.values, key=self.fitness, reverse=True)

    def only(self, candidates: Iterable[Architecture]) -> 'Scores':
        """The scores of these candidates, in their order."""
        known = {a: a for a in self.values}  # with what is noted of them
        kept = {known[a]: self.values[a] for a in candidates}
        metrics = {a: self.metrics[a] for a in kept if a in self.metrics}
        return Scores(self.space, self.rule, self.evaluation, kept, metrics)

    def to_data(self) -> dict[str, Any]:
        """JSON values, the best candidate first; what is not finite becomes null."""
        return {
            'format': FORMAT,
            'space': self.space.name,
            'seed': self.space.seed,
            'fingerprint': self.space.fingerprint,
            'rule': self.rule,
            'evaluation': dict(self.evaluation),
            'candidates': [
                {
                    'score': self.to_number(a),
                    'cost': a.cost,
                    'options': list(a.as_dict.values()),
                    **({'metrics': dict(self.metrics[a])} if a in self.metrics else {}),
                }
                for a in self.ranking()
            ],
        }

    def to_json(self) -> str:
        """The text of a file of scores, one line per candidate."""
        data = self.to_data()
        lines = ',\n'.join(f'    {json.dumps(c, allow_nan=False)}' for c in data.pop('candidates'))
        head = ',\n'.join(f'  {json.dumps(k)}: {json.dumps(v)}' for k, v in data.items())
        candidates = f'[\n{lines}\n  ]' if lines else '[]'
        return f'{{\n{head},\n  "candidates": {candidates}\n}}\n'

    @classmethod
    def from_data(cls, data: Any, space: SearchSpace, source: str = 'the scores') -> 'Scores':
        """The inverse of ``to_data``.

        Raises:
            ScoresError: It holds something else, or candidates of another space.
        """
        if not isinstance(data, Mapping) or data.get('format') != FORMAT:
            raise ScoresError(
                f'{source} must be scores of format {FORMAT}, as tools/rank.py and a search write '
                f'them; received {str(data)[:80]!r}. Give another file.'
            )
        if data.get('fingerprint') != space.fingerprint:
            raise ScoresError(
                f'{source} must hold candidates of the space {space.name!r} around {space.seed!r} '
                f'with fingerprint {space.fingerprint}; received {data.get("space")!r} around '
                f'{data.get("seed")!r} with {data.get("fingerprint")!r}. Use the config of the '
                f'search that scored them, or another file.'
            )
        try:
            found = [(space.architecture(c['options'], cost=c['cost']), c)
                     for c in data['candidates']]  # fmt: skip
            values = {a: math.nan if c['score'] is None else float(c['score']) for a, c in found}
            metrics: dict[Architecture, Mapping[str, float]] = {
                a: dict(c['metrics']) for a, c in found if 'metrics' in c
            }
            return cls(space, data['rule'], data['evaluation'], values, metrics)
        except (KeyError, TypeError, ValueError) as error:
            raise ScoresError(
                f'{source} must give score, cost and options of every candidate, a rule and an '
                f'evaluation; received something else ({type(error).__name__}: {error}). It was '
                f'edited: give another file.'
            ) from None

    @classmethod
    def from_json(cls, text: str, space: SearchSpace, source: str = 'the scores') -> 'Scores':
        """Read the text of a file of scores; see ``from_data``."""
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise ScoresError(
                f'{source} must be a whole JSON file; reading stopped at line {error.lineno} '
                f'({error.msg}). It is no file of scores, or was edited: give another one.'
            ) from None
        return cls.from_data(data, space, source)

    def take(self, other: 'Scores', source: str = 'the scores') -> None:
        """Add what another one knows already.

        Raises:
            ScoresError: Its scores follow from another evaluation; says what differs.
        """
        mine = {**self.evaluation, 'rule': self.rule}
        theirs = {**other.evaluation, 'rule': other.rule}
        differing = sorted(k for k in mine.keys() | theirs.keys() if mine.get(k) != theirs.get(k))
        if differing or self.space.fingerprint != other.space.fingerprint:
            what = ', '.join(f'{k}: {theirs.get(k)!r} there, {mine.get(k)!r} here'
                             for k in differing)  # fmt: skip
            raise ScoresError(
                f'scores can only be joined when they follow from the same evaluation; {source} '
                f'differs in {what or "the space"}. Use another file.'
            )
        self.values.update(other.values)
        self.metrics.update(other.metrics)


def best_candidate(data: Any, space: SearchSpace) -> Architecture:
    """The best of the scores that a checkpoint holds.

    Raises:
        ScoresError: They are of another space, or nothing was scored yet.
    """
    ranking = Scores.from_data(data, space, 'the checkpoint').ranking() if data else []
    if not ranking:
        raise ScoresError(
            'a search without architecture parameters scores its candidates after the last epoch; '
            'this checkpoint was written before, or by no search. Finish the search: '
            'tools/train.py CONFIG --resume.'
        )
    return ranking[0]
