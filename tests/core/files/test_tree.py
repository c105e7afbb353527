"""A tree of plain values comes back as it was, and a file that is not one says what is wrong with it."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from damage import edit, reseal
from hypothesis import given, settings
from hypothesis import strategies as st

from snn.core.files.tree import fields_of, read_tree, read_values, write_tree

DTYPES = st.sampled_from(["f8", "f4", "i8", "u2", "?"])
ARRAYS = st.builds(
    lambda dtype, shape: np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype),
    DTYPES,
    st.sampled_from([(), (0,), (3,), (2, 0), (2, 3), (1100,)]),
)
NAMES = st.text(max_size=4) | st.sampled_from(["", ".", "..", "a/b", "%", "arrays", "values", "é"])
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TREES = st.recursive(
    PLAIN | ARRAYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def assert_same(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    elif isinstance(a, np.ndarray):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b or (a != a and b != b)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, TREES, max_size=4))
def test_round_trip(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("tree") / "tree.h5"
    write_tree(path, "snn.test", 1, tree)
    assert_same(read_tree(path, "snn.test", 1, dict), tree)


def test_arrays_stand_at_their_place_and_large_ones_are_compressed(tmp_path):
    path = tmp_path / "tree.h5"
    large = np.zeros(2000)
    tree = {"group": [{"small": np.zeros(3), "large": large}], "raw": {"v": large}, "pair": (1, 2.5)}
    write_tree(path, "snn.test", 1, tree, uncompressed=("raw",))
    with h5py.File(path) as file:
        assert file["arrays/group.0.small"].compression is None
        assert file["arrays/group.0.large"].compression == "gzip"
        assert file["arrays/raw.v"].compression is None
        values = json.loads(file["values"][()])
    assert values["arrays"] == [["group", 0, "small"], ["group", 0, "large"], ["raw", "v"]]
    without = {"group": [{"small": None, "large": None}], "raw": {"v": None}, "pair": [1, 2.5]}
    assert values["tree"] == without == read_values(path, "snn.test", 1)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": [1, {2, 3}]}, "a/1 must be a plain value, got set"),
        ({"a": {"b": np.int64(3)}}, "a/b must be a plain value, got int64"),
        ({"a": {1: 2}}, "keys of a must be text, got 1"),
    ],
)
def test_what_is_not_plain_is_refused_and_nothing_is_written(tmp_path, tree, message):
    with pytest.raises(TypeError, match=message):
        write_tree(tmp_path / "tree.h5", "snn.test", 1, tree)
    assert not list(tmp_path.iterdir())


def damage(path, change):
    write_tree(path, "snn.test", 2, {"a": {"b": np.arange(3.0)}, "c": 1})
    edit(path, change)


def replace(name, value):
    def change(file):
        del file[name]
        file[name] = value

    return change


def declare_without_holding(file):
    del file["arrays/a.b"]
    file.create_dataset("arrays/a.b", (10**9,), "f8", chunks=(1000,))


def link_to_another_file(file):
    del file["arrays/a.b"]
    file["arrays/a.b"] = h5py.ExternalLink(file.filename, "values")


def set_attribute(name, value):
    return lambda file: file.attrs.__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_attribute("format", "snn.other"), "format must be 'snn.test', got 'snn.other'"),
        (set_attribute("format", [1, 2]), "format must be 'snn.test', got ndarray"),
        (lambda file: file.attrs.__delitem__("format"), "format must be 'snn.test', got None"),
        (
            set_attribute("version", 1),
            "version of the format 'snn.test' must be 2, which this release reads, got 1",
        ),
        (set_attribute("version", "two"), "must be 2, which this release reads, got 'two'"),
        (lambda file: file.__delitem__("arrays/a.b"), "incomplete: no data set 'arrays/a.b'"),
        (lambda file: file.__delitem__("values"), "incomplete: no data set 'values'"),
        (
            lambda file: (file.__delitem__("arrays/a.b"), file.create_group("arrays/a.b")),
            "incomplete: no data set 'arrays/a.b'",
        ),
        (replace("values", "{"), "data set 'values' must be JSON"),
        (replace("values", np.arange(3)), "data set 'values' must be JSON, got ndarray"),
        (replace("values", '{"tree": {}, "tree": {}}'), "must be JSON, got the field 'tree' twice"),
        (replace("values", "[" * 5000), "must be JSON of at most 100 brackets within each other, got 5000"),
        (
            replace("values", '{"tree": {"a": {"b": 1}}, "arrays": [["a", "b"]]}'),
            "a/b is the place of an array, but the tree has a value there",
        ),
        (
            replace("values", '{"tree": {"a": 1}, "arrays": [3]}'),
            r"arrays\[0\] must be a list of keys and indices",
        ),
        (
            replace("values", '{"tree": {"a": [1]}, "arrays": [["a", -1]]}'),
            r"arrays\[0\] must be a list of keys",
        ),
        (replace("values", '{"tree": {}, "arrays": []}'), "data set 'arrays/a.b' has no place in the tree"),
        (replace("arrays/a.b", "text"), "data set 'arrays/a.b' must hold numbers"),
        (
            declare_without_holding,
            r"'arrays/a.b' must hold what it declares, got 0 bytes for shape \[1000000000\]",
        ),
        (link_to_another_file, "data set 'arrays/a.b'"),
        (replace("values", "[]"), "data set 'values' must be a group of tree, arrays, got \\[\\]"),
        (replace("values", '{"tree": {}}'), "field 'arrays' is missing"),
        (replace("values", '{"tree": [], "arrays": []}'), "tree must be a group of fields, got \\[\\]"),
        (replace("values", '{"tree": {}, "arrays": [["a", "b"]]}'), "a/b is the place of an array, but"),
    ],
)
def test_damaged_and_foreign_files_name_path_and_field(tmp_path, change, message):
    path = tmp_path / "tree.h5"
    damage(path, change)
    with pytest.raises(ValueError, match=f"^{path}: .*{message}"):
        read_tree(path, "snn.test", 2, dict)


def test_bytes_that_do_not_unpack_are_named(tmp_path):
    path = tmp_path / "tree.h5"
    write_tree(path, "snn.test", 1, {"a": np.random.default_rng(0).random(4000)})
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2000] = bytes(2000)
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=f"^{path} must hold the .* it has been changed, cut or damaged since"
    ):
        read_tree(path, "snn.test", 1, dict)
    reseal(path)
    with pytest.raises(ValueError, match=f"^{path}: data set 'arrays/a' is damaged"):
        read_tree(path, "snn.test", 1, dict)


def test_what_the_builder_refuses_names_the_path(tmp_path):
    path = tmp_path / "tree.h5"
    write_tree(path, "snn.test", 1, {"a": 1})
    with pytest.raises(ValueError, match=f"^{path}: thing: field 'b' is missing; it must hold a, b"):
        read_tree(path, "snn.test", 1, lambda tree: fields_of("thing", tree, ("a", "b")))
    with pytest.raises(ValueError, match=f"^{path}: thing: field 'a' is unknown"):
        read_tree(path, "snn.test", 1, lambda tree: fields_of("thing", tree, ()))
    with pytest.raises(FileNotFoundError, match="no file at"):
        read_tree(tmp_path / "none.h5", "snn.test", 1, dict)
