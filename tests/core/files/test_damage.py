"""Whatever happens to a file of ours, it is refused, and the refusal names it."""

from __future__ import annotations

import copy
import json
import os
import shutil

import numpy as np
import pytest
import scipy.sparse
from damage import damaged, structure_edits

from snn.core import (
    STDP,
    Events,
    LIFParams,
    LIParams,
    Network,
    PoissonInput,
    Population,
    Projection,
    Record,
    Recording,
    SimulationState,
    simulate,
    stream,
)
from snn.core.files.json_file import parse_json, read_json
from snn.core.files.tree import read_tree, write_tree

FORMATS = {"network": ("snn.network", 4), "state": ("snn.state", 4), "part": ("snn.recording", 3)}


def network():
    spiking = LIFParams(tau_mem_ms=[8.0, 9.0, np.inf], tau_syn_ms={"e": 2.0, "i": [1.0, 2.0, 3.0]})
    return Network(
        0.5,
        [Population("in", 2), Population("a", 3, spiking), Population("b", 1, LIParams(decay=1 / 3))],
        [
            Projection(
                "in", "a", [[0.1, 0.0, 0.3], [0.0, 0.5, 0.6]], 0.7, receptor="e", plasticity=STDP(0.1, 0.2)
            ),
            Projection("a", "a", scipy.sparse.csr_array(np.eye(3)), [1.0, 2.0, 3.0], "loop", "i"),
            Projection("a", "b", np.ones((3, 1))),
        ],
        [PoissonInput("a", 50.0, 0.1, "i")],
    )


def events():
    return Events.from_lists([[0, 2, 2], []], [[1, 0, 0], []], n_units=2, dt_ms=0.5, n_steps=[10, 4])


def write_network(path):
    network().save(path)


def write_state(path):
    simulate(network(), {"in": events()}).state.save(path)


def write_events(path):
    events().save(path)


def write_part(path):
    folder = path.with_suffix("")
    stream(network(), {"in": events()}, folder, record=Record(v=["a"]), chunk=10)
    shutil.copy(folder / "part-000000000000-000000000010.h5", path)


def read_part(path):
    folder = path.with_suffix("")
    shutil.copy(path, folder / "part-000000000000-000000000010.h5")
    try:
        return Recording.load(folder)
    except ValueError as error:
        raise ValueError(
            str(error).replace(str(folder / "part-000000000000-000000000010.h5"), str(path))
        ) from error


pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of values that are then refused

FILES = {
    "network": (write_network, Network.load),
    "state": (write_state, SimulationState.load),
    "events": (write_events, lambda path: Events.load(path, dt_ms=1.0, n_units=2)),
    "part": (write_part, read_part),
}


def refuses(path, load):
    with pytest.raises((ValueError, OSError, MemoryError)) as caught:
        load(path)
    assert type(caught.value) in (ValueError, FileNotFoundError, OSError, MemoryError) and str(path) in str(
        caught.value
    )
    return str(caught.value)


@pytest.mark.parametrize("kind", FILES)
def test_any_damage_is_refused(tmp_path, kind):
    path, (write, load) = tmp_path / "file.h5", FILES[kind]
    write(path)
    load(path)
    whole = path.read_bytes()
    for seed in range(200):
        path.write_bytes(damaged(whole, seed))
        refuses(path, load)


@pytest.mark.parametrize("kind", FILES)
def test_any_part_that_is_missing_or_another_is_refused(tmp_path, kind):
    path, (write, load) = tmp_path / "file.h5", FILES[kind]
    write(path)
    edits = 0
    for what, content in structure_edits(path):
        path.write_bytes(content)
        try:
            load(path)
        except (ValueError, MemoryError) as error:
            assert str(path) in str(error), what
            edits += 1
        else:
            assert not what.endswith(("removed", "renamed", "retyped")), what
    assert edits > 20


def places(tree, place=()):
    """Give the place of every value of a tree of dicts and lists."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield (*place, key)
        if isinstance(value, dict | list):
            yield from places(value, (*place, key))


@pytest.mark.parametrize("kind", FORMATS)
def test_any_value_of_another_kind_is_refused_or_stands(tmp_path, kind):
    """Every value removed and put in another type, under a right checksum: what is refused names the file."""
    path, (write, load) = tmp_path / "file.h5", FILES[kind]
    write(path)
    tree = read_tree(path, *FORMATS[kind], dict)
    others = ("text", {"a": 1}, [[1]], -(10**30), np.nan, np.zeros((2, 0)))
    for i, place in enumerate(places(tree)):
        for value in (KeyError, others[i % len(others)]):
            copied = copy.deepcopy(tree)
            held = copied
            for key in place[:-1]:
                held = held[key]
            held[place[-1]] = value
            if value is KeyError:
                del held[place[-1]]
            write_tree(path, *FORMATS[kind], copied)
            try:
                load(path)
            except (ValueError, MemoryError) as error:
                assert str(path.with_suffix("")) in str(error), (place, value)
            else:
                assert value is not KeyError or isinstance(held, list) or len(place) > 1, place


JSON = [
    ("{", "must be JSON, got a fault in line 1, column 2"),
    ("", "must be JSON, got a fault in line 1, column 1"),
    ('{"a": 1, "a": 2}', "the field 'a' twice"),
    ("[" * 101 + "]" * 101, "at most 100 brackets within each other, got 101"),
    ("[" * 10**6, "at most 100 brackets within each other, got 1000000"),
    ('{"a":' * 5000, "at most 100 brackets within each other, got 5000"),
    ("[NaN]", "got NaN, which is no finite number"),
    ("[-Infinity]", "got -Infinity, which is no finite number"),
    ("[1e999]", "got 1e999, which is no finite number"),
    ("[" + "7" * 5000 + "]", "got 7777.*7, which is no finite number"),
    ('["\\ud800"]', "a string with half a character"),
    (b"\xff\xfe{}", "must be text in UTF-8, got bytes that are none at 0"),
    (b"\xef\xbb\xbf{}", "must be JSON, got"),
    (b"\0\0\0", "must be JSON, got"),
]


@pytest.mark.parametrize(("text", "message"), JSON, ids=range(len(JSON)))
def test_what_is_no_json_is_refused_by_name(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ValueError, match=f"^{path} .*{message}") as caught:
        read_json(path)
    assert type(caught.value) is ValueError and len(str(caught.value)) < 300
    with pytest.raises(ValueError, match=f"^it .*{message}"):
        parse_json(text, "it")


def test_json_is_read():
    brackets_in_text = json.dumps({"a": "[" * 500, "b": '\\"[[' * 60, "c": ["\\", "{" * 200]})
    assert parse_json(brackets_in_text, "it") == json.loads(brackets_in_text)
    assert parse_json("[" * 100 + "]" * 100, "it") == json.loads("[" * 100 + "]" * 100)
    wide = json.dumps([{"a": [i]} for i in range(500)])
    assert parse_json(wide, "it") == json.loads(wide)
    assert parse_json("[NaN, 1e2, 12]", "it", constants=True)[1:] == [100.0, 12]
    assert parse_json(b'["\\ud83d\\ude00"]', "it") == ["\U0001f600"]


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_file_is_refused_by_name(tmp_path, kind):
    load = FILES[kind][1]
    if kind == "part":
        return
    with pytest.raises(FileNotFoundError, match=f"no file at {tmp_path / 'none.h5'}"):
        load(tmp_path / "none.h5")
    with pytest.raises(IsADirectoryError, match=f"{tmp_path} must be a file, got a folder"):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=f"{tmp_path / 'pipe'} must be an ordinary file, got a device, pipe"):
        load(tmp_path / "pipe")
    with pytest.raises(ValueError, match="path must be the path of a file, got 'a"):
        load("a\0b")
    with pytest.raises(TypeError, match="path must be the path of a file, got 3"):
        load(3)


def test_parts_of_two_runs_are_not_one_recording(tmp_path):
    runs = []
    for name, seed, samples in (("a", 0, [0, 1]), ("other seed", 1, [0, 1]), ("one sample", 0, [0])):
        given = Events.from_lists([[0, 12], [3]], [[0, 1], [1]], n_units=2, dt_ms=0.5, n_steps=20).select(
            samples
        )
        stream(network(), {"in": given}, tmp_path / name, record=Record(v=["a"]), chunk=10, seed=seed)
        runs.append(tmp_path / name)
    second, state = "part-000000000010-000000000020.h5", "state-000000000020.h5"
    for other, message in (
        (runs[1], "seed must be 0, as in the first part, got 1"),
        (runs[2], "counts must be of 2 samples"),
    ):
        shutil.copytree(runs[0], tmp_path / "mixed")
        shutil.copy(other / second, tmp_path / "mixed" / second)
        with pytest.raises(ValueError, match=f"^{tmp_path / 'mixed' / second}: {message}"):
            Recording.load(tmp_path / "mixed")
        shutil.rmtree(tmp_path / "mixed")
    net = network()
    longer = Network(
        net.dt_ms, net.populations, [*net.projections, Projection("a", "b", np.eye(3)[:, :1], name="x")]
    )
    stream(longer, {"in": given}, tmp_path / "longer", chunk=20)
    shutil.copy(tmp_path / "longer" / state, runs[0] / state)
    with pytest.raises(ValueError, match=f"^{runs[0] / state}: fingerprint must be '.*', as in the parts"):
        Recording.load(runs[0])
