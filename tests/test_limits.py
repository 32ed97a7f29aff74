"""Whatever is given in place of an architecture: read or refused, soon and in little memory."""

import json
import re
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.architecture import Architecture, ArchitectureError
from mmtransfer.limits import BLOCKS, DEPTH, OPS, TEXT, listed, parse_json, short, whole_number
from mmtransfer.seeds import SEEDS
from mmtransfer.space import SpaceError
from mmtransfer.spaces import depth_space, mbconv_space, read_architecture, residual_space
from tests import mutants

few = settings(max_examples=60, deadline=None)
MIB = 2**20


def edited(**changes) -> str:
    return json.dumps({**json.loads(mutants.SOUND[1]), **changes})


def filled(piece: str) -> str:
    """A list of as many of these as a file may hold."""
    return '[' + ','.join([piece] * ((TEXT - 2) // (len(piece) + 1))) + ']'


MANY = {'layers': [BLOCKS] * 6, 'kernels': [*range(1, 17, 2)], 'expansions': [*range(1, 9)]}
OPS_WITH_ALL = [f'k{k}g1s{n}n{n}' for k in (1, 3, 5, 7) for n in range(1, OPS // 4 + 1)]
# What is worst of its kind -> what the error says of it.
WORST = {
    'deep': ('[' * TEXT, f'brackets may stand {DEPTH} deep'),
    'deep rule': (edited().replace('"rule": {', '"rule": {"x": ' + '[' * 900), 'brackets may'),
    'larger than a file may be': (' ' * 10 * MIB, f'at most {TEXT:,} bytes'),
    'lists': (filled('[]'), 'must hold a JSON object'),
    'objects': (filled('{}'), 'must hold a JSON object'),
    'escapes in a string that does not end': ('"' + '\\"' * (TEXT // 2 - 1), 'whole JSON file'),
    'quotes': (filled('""'), 'must hold a JSON object'),
    'unknown keys': (json.dumps({f'{n:x}': 1 for n in range(TEXT // 12)}), "unknown: '0', '1'"),
    'unknown options': (
        edited(options={f'{n:x}': '' for n in range(TEXT // 12)}),
        'unknown choices: 0, 1, 2.* more',
    ),
    'a key named again': ('{' + ','.join(['"a": 1'] * (TEXT // 8)) + '}', "'a' occur twice"),
    'provenance': (edited(provenance={'x': [[]] * (TEXT // 5)}, fingerprint=''), 'fingerprint'),
    'digits': (edited(output_stride=7).replace('7', '7' * 5000), 'number may have 25 characters'),
    'an infinite number': (edited(cost={'x': 7}).replace('7', '1e999'), 'must be finite'),
    'blocks': (
        edited(space='depth', rule={'max_blocks': [10**9] * 5}),
        f'max_blocks .* at most {BLOCKS}; received .1000000000',
    ),
    'most blocks': (edited(space='depth', rule={'max_blocks': [BLOCKS] * 5}), 'fingerprint'),
    'layers': (edited(rule={'layers': [10**6] * 6}), f'layers .* at most {BLOCKS}; received'),
    'most layers and ops': (edited(rule={**MANY, 'min_layers': BLOCKS - 1}), 'fingerprint'),
    'kernels': (edited(rule={'kernels': [10**6 + 1]}), 'kernels must be odd .* at most 99'),
    'expansions': (edited(rule={'expansions': [10**9]}), 'expansions .* at most 4096'),
    'ops of a layer': (
        edited(rule={'expansions': [*range(1, 5000)]}),
        'expansions must be positive|at most 64 ops',
    ),
    'min_layers': (edited(rule={'min_layers': 10**18}), 'min_layers must be positive, at most 256'),
    'restrict': (edited(rule={'restrict': [1]}), 'restrict must give a list of options'),
    'most ops': (
        edited(space='residual', seed='resnet50', rule={'ops': OPS_WITH_ALL}),
        'fingerprint',
    ),
    'ops': (
        edited(space='residual', seed='resnet50', rule={'ops': ['k3g1'] * 7000}),
        'ops must be one to 64, each once; received',
    ),
    'groups': (
        edited(space='residual', seed='resnet50', rule={'ops': ['k3g' + '9' * 5000]}),
        'other numbers 4096',
    ),
    'no channels left': (
        edited(space='residual', seed='resnet50', rule={'ops': ['k3g1s4096']}),
        'there must be some',
    ),
    'name': (edited(seed='x' * 5000), "'seed' must be a string of at most 200 characters"),
    'option': (edited(options={'a': 'x' * 201}), 'strings of at most 200 characters'),
}
NAMES = {
    'resnet50:100000000,1,1,1': 'must read like resnet50:1,3,7,5; received .*1 to 256',
    f'resnet50:{"9" * 5000}': 'must read like resnet50:1,3,7,5',
    f'resnet50:{"1," * MIB}': 'must read like resnet50:1,3,7,5',
    'resnet50:1,3,٧,5': 'must read like resnet50:1,3,7,5',
    'x' * MIB: 'at most 4096 characters',
    'a\0b': 'must be a readable text file',
    'x' * 300: 'must be a readable text file',
}


def read_and_measure(source) -> tuple[str, float, int]:
    """The error of reading, its processor seconds and the most bytes that it held."""
    messages = []
    for trace in (False, True):  # tracing takes longer than reading
        if trace:
            tracemalloc.start()
        began = time.thread_time()
        try:
            with pytest.raises(ArchitectureError) as caught:
                read_architecture(source)
            messages.append(str(caught.value))
            if not trace:
                seconds = time.thread_time() - began
            else:
                most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert messages[0] == messages[1] and len(messages[0]) < 10_000
    return messages[0], seconds, most


@pytest.mark.parametrize('name', WORST)
def test_the_worst_files_are_refused_soon_and_in_little_memory(name, tmp_path):
    text, words = WORST[name]
    path = tmp_path / 'a.json'
    path.write_text(text)
    message, seconds, most = read_and_measure(path)
    assert re.search(words, message), message
    assert str(path) in message
    assert seconds < 0.1 and most < 50 * MIB, (seconds, most)


@pytest.mark.parametrize('name', NAMES, ids=lambda name: name[:24].replace('\0', '0'))
def test_the_worst_names(name):
    message, seconds, most = read_and_measure(name)
    assert re.search(NAMES[name], message), message
    assert seconds < 0.1 and most < 50 * MIB


def test_objects_of_a_config_that_are_no_json():
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    circular: dict = {}
    circular['x'] = circular
    for source in ({'rule': deep}, circular, {'rule': object()}, {'x': float('nan')}):
        with pytest.raises(ArchitectureError, match='^the architecture in the config'):
            read_architecture(source)
    with pytest.raises(ArchitectureError, match="'rule' must hold JSON values only"):
        Architecture('s', 'f', 'seed', {'x': deep}, {})


def test_what_lies_within_the_limits_is_read(tmp_path):
    spaces = (
        mbconv_space('mobilenet_v2', **MANY),
        depth_space('resnet50', [BLOCKS] * 4),
        residual_space('resnet50', OPS_WITH_ALL),
    )
    for space in spaces:
        largest = space.architecture([choice.options[-1] for choice in space.choices[:1]] + [
            choice.options[0] for choice in space.choices[1:]
        ])  # fmt: skip
        largest.write(tmp_path / 'a.json')
        assert read_architecture(tmp_path / 'a.json') == largest
    found = read_architecture(f'resnet50:{BLOCKS},1,1,1')
    assert found['stage0.blocks'] == str(BLOCKS)
    with pytest.raises(SpaceError, match=f'at most {BLOCKS}; received .{BLOCKS + 1}'):
        depth_space('resnet50', [BLOCKS + 1, 1, 1, 1])


def test_mutants_of_sound_files_and_names(tmp_path):
    ends, longest = mutants.read_all(500, 1, tmp_path)
    assert sum(ends.values()) == 500 and set(ends) == {'read', 'ArchitectureError', 'SpaceError'}
    assert ends['SpaceError'] > 50 and ends['read'] > 3  # they reach beyond the form of a file
    assert longest < 0.1, longest
    for text in mutants.SOUND:
        assert json.loads(read_architecture(json.loads(text)).to_json()) == json.loads(text)


@pytest.mark.parametrize('beginning', [b'PK\x03\x04', b'\x80', b'\x80\x02}q\x00.'])
def test_what_begins_like_a_checkpoint(tmp_path, beginning):
    path = tmp_path / 'a.pth'
    path.write_bytes(beginning + b'{"format": 1}')
    with pytest.raises(ArchitectureError, match='a.pth'):
        read_architecture(path)


@few
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_and_any_name(tmp_path_factory, data):
    if isinstance(data, bytes):
        path = tmp_path_factory.getbasetemp() / 'any.json'
        path.write_bytes(data)
        data = path
    try:
        read_architecture(data)
    except ArchitectureError:
        return
    assert str(data).partition(':')[0] in SEEDS  # hypothesis knows some of our names


@few
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_json_within_the_limits_is_what_it_was(value):
    text = json.dumps(value)
    nested = re.sub(r'"(?:[^"\\]|\\.)*"', '', text)
    depth = max((nested[:n].count('[') + nested[:n].count('{') - nested[:n].count(']')
                 - nested[:n].count('}') for n in range(len(nested) + 1)), default=0)  # fmt: skip
    if depth <= DEPTH:
        assert parse_json(text) == value


@pytest.mark.parametrize(
    ('text', 'number'),
    [('1', 1), ('256', 256), ('257', None), ('0', None), ('', None), ('-1', None), ('1e2', None)],
)
def test_whole_numbers(text, number):
    assert whole_number(text, 256) == number


def test_values_and_names_in_messages():
    assert short('k3e6') == "'k3e6'" and len(short('x' * 10**6)) < 200
    assert len(short([7] * 10**4)) < 200 and short([7] * 10**4).endswith('7, 7, 7]')
    assert listed('abc') == 'a, b, c' and listed(range(50)).endswith('38, 39 and 10 more')
