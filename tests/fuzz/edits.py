"""Edit the structure of a file: a well-formed file of its format that holds less, or something else."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from mutations import ODD_VALUES, Rng, damage, edit_tree, json_text, odd_array

from snn.core.files.hdf5 import create
from snn.core.files.tree import read_tree, write_tree

Edit = Callable[[Path, Rng], None]


def edit_json(path: Path, rng: Rng) -> None:
    """Edit one JSON value; of a file of lines, one line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) > 1 and lines[0].endswith("}"):  # JSON lines
        place = int(rng.integers(len(lines)))
        lines[place] = json_text(edit_tree(json.loads(lines[place]), rng))
    else:
        lines = [json_text(edit_tree(json.loads("\n".join(lines)), rng), indent=2)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def edit_tree_file(kind: str, version: int) -> Edit:
    """Edit a tree in HDF5 through our own writer, so that the file is whole."""

    def edit(path: Path, rng: Rng) -> None:
        tree = edit_tree(read_tree(path, kind, version, lambda values: values), rng)
        if isinstance(tree, dict):
            write_tree(path, kind, version, tree)
        else:
            path.write_bytes(damage(path.read_bytes(), rng))

    return edit


def edit_our_hdf5(kind: str, version: int) -> Edit:
    """Edit data sets and attributes of a file that is no tree, through our own writer."""

    def edit(path: Path, rng: Rng) -> None:
        with h5py.File(io.BytesIO(path.read_bytes()), "r") as old, create(path, kind, version) as new:
            copy_edited(old, new, rng)

    return edit


def edit_hdf5(path: Path, rng: Rng) -> None:
    """Edit data sets and attributes of any HDF5 file."""
    with h5py.File(io.BytesIO(path.read_bytes()), "r") as old, h5py.File(path, "w") as new:
        copy_edited(old, new, rng)


def copy_edited(old: Any, new: Any, rng: Rng) -> None:
    """Copy a file; one data set or attribute is gone, renamed, of another type, shape or value."""
    sets: list[str] = []
    old.visititems(lambda name, item: sets.append(name) if isinstance(item, h5py.Dataset) else None)
    attributes = [name for name in old.attrs if name not in ("format", "version")]
    chosen = [*sets, *attributes][int(rng.integers(len(sets) + len(attributes)))]
    for name in attributes:
        if name != chosen:
            new.attrs[name] = old.attrs[name]
        elif rng.random() < 0.7:
            value = ODD_VALUES[int(rng.integers(len(ODD_VALUES)))]
            new.attrs[name] = str(value) if value is None or isinstance(value, dict | list) else _fits(value)
    for name in sets:
        if name != chosen:
            old.copy(name, new, name)
        else:
            _edit_data_set(old, new, name, rng)


def _edit_data_set(old: Any, new: Any, name: str, rng: Rng) -> None:
    kind = int(rng.integers(6))
    values = old[name][()]
    if kind == 0:
        return
    if kind == 1:
        old.copy(name, new, name + "_")
    elif kind == 2:
        new.create_group(name)
    elif kind == 3:
        new[name] = ["text", 0, np.array([], "f8"), np.nan, np.bytes_(b"\xff\xfe")][int(rng.integers(5))]
    elif h5py.check_string_dtype(old[name].dtype) is not None:
        texts = np.array(values, dtype=object).reshape(-1)
        texts[int(rng.integers(texts.size))] = "text"
        new.create_dataset(name, data=texts.reshape(np.shape(values)), dtype=old[name].dtype)
    elif h5py.check_vlen_dtype(old[name].dtype) is None:
        new[name] = odd_array(np.asarray(values), rng) if np.asarray(values).dtype.kind != "O" else "text"
    else:
        rows = [np.asarray(row) for row in values]
        place = int(rng.integers(len(rows)))
        rows[place] = odd_array(rows[place], rng).reshape(-1)
        ragged = new.create_dataset(name, (len(rows),), h5py.vlen_dtype(rows[place].dtype))
        for b, row in enumerate(rows):
            with np.errstate(all="ignore"):
                ragged[b] = row.astype(rows[place].dtype)


def _fits(value: Any) -> Any:
    """Give a value that HDF5 can hold."""
    return float(value) if isinstance(value, int) and abs(value) >= 2**63 else value


def edit_safetensors(path: Path, rng: Rng) -> None:
    """Edit the header: names, types, shapes and places of the tensors, or our JSON in it."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    if rng.random() < 0.7:
        ours = json.loads(header["__metadata__"]["snn"])
        header["__metadata__"]["snn"] = json_text(edit_tree(ours, rng))
    else:
        header = edit_tree(header, rng)
    text = json_text(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])


def edit_zip(path: Path, rng: Rng) -> None:
    """Damage one member, double it, take it out of the folder, or store it in a way that we do not read."""
    with zipfile.ZipFile(path) as old:
        members = [(info, old.read(info)) for info in old.infolist()]
    chosen, kind = int(rng.integers(len(members))), int(rng.integers(5))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for place, (info, data) in enumerate(members):
            if place != chosen:
                new.writestr(info.filename, data)
            elif kind == 0:
                new.writestr(info.filename, damage(data, rng))
            elif kind == 1:
                new.writestr(info.filename, data)
                new.writestr(info.filename, damage(data, rng))
            elif kind == 2:
                new.writestr("../" + info.filename, data)
            elif kind == 3:
                new.writestr(info.filename, bytes(50_000_000))
            else:
                new.writestr(info.filename, data, zipfile.ZIP_LZMA)
