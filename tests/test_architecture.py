"""The architecture as a value and as a file."""

import copy
import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.architecture import Architecture, ArchitectureError

few = settings(max_examples=40, deadline=None)
words = st.text(max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
)
objects = st.dictionaries(words, scalars | words | st.lists(scalars, max_size=3), max_size=3)
architectures = st.builds(
    Architecture,
    space=words,
    fingerprint=words,
    seed=words,
    rule=objects,
    options=st.dictionaries(words, words, max_size=4),
    cost=st.none() | st.dictionaries(words, st.integers(0, 2**63), max_size=2),
    input_size=st.none() | st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
    output_stride=st.none() | st.integers(1, 64),
    provenance=objects,
)


def example(**changes) -> Architecture:
    values = {
        'space': 'mbconv',
        'fingerprint': '0123456789abcdef',
        'seed': 'mobilenet_v2',
        'rule': {'layers': (2, 1)},
        'options': {'stage1.layer0': 'k3e6', 'stage1.layer1': 'skip'},
        'cost': {'madds': 12, 'params': 3},
        'input_size': (800, 1088),
        'provenance': {'search': 'x'},
    }
    return Architecture(**{**values, **changes})


@few
@given(architectures)
def test_json_round_trip_is_the_identity(a):
    again = Architecture.from_json(a.to_json())
    assert again == a and hash(again) == hash(a)
    assert vars(again) == vars(a)


@few
@given(architectures, objects, objects)
def test_cost_and_provenance_do_not_count(a, rule, provenance):
    other = a.replace(cost={'madds': 1}, input_size=(1, 1), rule=rule, provenance=provenance)
    assert other == a and hash(other) == hash(a)
    assert a.replace(fingerprint=a.fingerprint + 'x') != a
    assert a.replace(space=a.space + 'x') != a
    assert a.replace(options=(*a.options, ('a new choice', 'x'))) != a


def test_reading_options():
    a = example()
    assert a['stage1.layer1'] == 'skip'
    assert a.as_dict == {'stage1.layer0': 'k3e6', 'stage1.layer1': 'skip'}
    assert a.options == (('stage1.layer0', 'k3e6'), ('stage1.layer1', 'skip'))
    with pytest.raises(KeyError, match="no choice 'stage9'; the choices are stage1.layer0"):
        a['stage9']


def test_is_frozen_and_holds_its_own_copies():
    rule = {'layers': [2, 1]}
    a = example(rule=rule)
    rule['layers'].append(9)
    assert a.rule == {'layers': [2, 1]}
    with pytest.raises(AttributeError):
        a.seed = 'other'
    assert pickle.loads(pickle.dumps(a)) == copy.deepcopy(a) == a


def test_the_file_is_readable(tmp_path):
    path = tmp_path / 'new' / 'architecture.json'
    example().write(path)
    lines = path.read_text().splitlines()
    assert lines[1] == '  "format": 1,'
    assert '    "stage1.layer0": "k3e6",' in lines
    assert '  "input_size": [800, 1088],' in lines
    assert vars(Architecture.read(path)) == vars(example())
    assert [p.name for p in path.parent.iterdir()] == ['architecture.json']


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'architecture.json'
    example().write(path)

    def fail(descriptor):
        raise OSError('disk full')

    monkeypatch.setattr('os.fsync', fail)
    with pytest.raises(OSError, match='disk full'):
        example(seed='efficientnet_lite0').write(path)
    assert Architecture.read(path).seed == 'mobilenet_v2'
    assert [p.name for p in tmp_path.iterdir()] == ['architecture.json']


@pytest.mark.parametrize('keep', [0.0, 0.3, 0.6, 0.98])
def test_truncated_file(tmp_path, keep):
    path = tmp_path / 'cut.json'
    text = example().to_json()
    path.write_text(text[: int(keep * len(text))])
    with pytest.raises(ArchitectureError, match='cut.json must be a whole JSON file.*derive.py'):
        Architecture.read(path)


def test_every_truncation_is_noticed():
    text = example().to_json()
    for end in range(len(text) - 2):
        with pytest.raises(ArchitectureError):
            Architecture.from_json(text[:end])


def edited(**changes) -> str:
    data = json.loads(example().to_json())
    data.update(changes)
    return json.dumps({key: value for key, value in data.items() if value is not Ellipsis})


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (edited(format=2), 'must be of format 1; received format 2.*derive the file again'),
        (edited(format='1'), "must be of format 1; received format '1'"),
        (edited(format=True), 'must be of format 1; received format True'),
        (edited(format=...), "missing: 'format'"),
        (edited(seeds='x'), "must have the keys 'format', 'space'.*unknown: 'seeds'"),
        (edited(seed=...), "missing: 'seed'"),
        (edited(seed=..., sede='x'), "unknown: 'sede'; missing: 'seed'"),
        (edited(seed=3), "'seed' must be a string; received 3"),
        (edited(rule=[]), r"'rule' must be an object; received \[\]"),
        (edited(options={'a': 1}), r"'options' must be .* both strings; received \('a', 1\)"),
        (edited(options=7), "'options' must be choice -> option; received 7"),
        (edited(options='ab'), "'options' must be"),
        (edited(cost={'madds': 'x'}), "'cost' must be an object of numbers"),
        (edited(cost={'madds': True}), "'cost' must be an object of numbers"),
        (edited(input_size=[0, 3]), r"'input_size' must be \[height, width\]"),
        (edited(input_size=640), r"'input_size' must be \[height, width\]"),
        (edited(output_stride='16'), "'output_stride' must be a positive number"),
        ('[1, 2]', 'must hold a JSON object with the keys'),
        ('{"format": 1, "format": 1}', "'format' occur twice"),
        ('{"format": NaN}', 'numbers must be finite; received NaN'),
    ],
)
def test_bad_files_get_clear_errors(text, words):
    with pytest.raises(ArchitectureError, match=words) as caught:
        Architecture.from_json(text, source='some/file.json')
    assert str(caught.value).startswith('some/file.json')


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(ArchitectureError, match='no architecture file .*gone.json.*tools/train.py'):
        Architecture.read(tmp_path / 'gone.json')
    with pytest.raises(ArchitectureError, match='must be a readable text file'):
        Architecture.read(tmp_path)
    (tmp_path / 'x.pth').write_bytes(b'PK\x03\x04\xff\xfe\x80')
    with pytest.raises(ArchitectureError, match='x.pth.* must be a readable text file'):
        Architecture.read(tmp_path / 'x.pth')


def test_values_that_json_cannot_hold():
    with pytest.raises(ArchitectureError, match="'provenance' must hold JSON values only"):
        example(provenance={'x': object()})
    with pytest.raises(ArchitectureError, match="'rule' must hold JSON values only"):
        example(rule={'x': float('nan')})
    with pytest.raises(ArchitectureError, match="one option per choice; received .*'a'"):
        example(options=[('a', 'x'), ('a', 'y')])
