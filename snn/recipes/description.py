"""Say what a file holds without running it: ours by their format, others by their room in `snn.interop`."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from snn.core import Events, Network, Recording, SimulationState
from snn.core.arrays import PathLike
from snn.core.checks import choice, refusal
from snn.core.files.foreign import read_foreign
from snn.core.files.hdf5 import attribute, open_ours
from snn.core.files.user_block import has_user_block
from snn.core.files.whole import existing_file
from snn.recipes.folder import read_config, read_lines

__all__ = ["FOREIGN", "describe"]

FOREIGN = ("nir", "sonata", "nwb")
"""Formats of others, each described by its room in `snn.interop`."""

WORDS = "events in the layout of SHD"

Nodes = dict[str, str]


def describe(path: PathLike, kind: str | None = None, dt_ms: float | None = None) -> dict[str, Any]:
    """Describe a file, or the folder of a run or a recording.

    Args:
        path: The file or folder.
        kind: Read it as "nir", "sonata" or "nwb"; None is what it is.
        dt_ms: Length of a step, ms, with which NIR would be read; then what is refused is told too.

    Returns:
        kind: What it is. version: Of its format; None where it has none. nodes: What each part is, by name. lost:
        Sentences on what is left out or refused here.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is none of these, or damaged.
    """
    source = Path(path)
    if kind is None and source.is_dir():
        return _of_folder(source)
    existing_file(source)
    if kind is None and source.suffix == ".safetensors":
        return _of_model(source)
    if kind is None and has_user_block(source):
        return _of_ours(source)
    found = _foreign_kind(source) if kind is None else choice("kind", kind, FOREIGN)
    if found == WORDS:
        labels = read_foreign(source, ("labels",)).columns["labels"].values
        return _described(
            WORDS, None, {"labels": f"{labels.size} samples of {np.unique(labels).size} classes"}
        )
    room = import_module(f"snn.interop.{found}")
    described: dict[str, Any] = room.describe(path, dt_ms) if found == "nir" else room.describe(path)
    return described


def _described(kind: str, version: Any, nodes: Nodes) -> dict[str, Any]:
    return {"kind": kind, "version": version, "nodes": nodes, "lost": []}


def _foreign_kind(path: Path) -> str:
    """Tell by the names at the root which format a file of others has."""
    found = read_foreign(path, ("labels",))
    if "labels" in found.columns and "spikes" in found.there:
        return WORDS
    if "nwb_version" in found.attributes:
        return "nwb"
    if {"version", "node"} <= set(found.there):
        return "nir"
    if found.attributes.get("magic") == 0x0A7A or {"spikes", "nodes", "edges"} & set(found.there):
        return "sonata"
    known = ", ".join(("ours", *FOREIGN))
    raise ValueError(f"{path}: {refusal('file', f'one of {known}', list(found.there))}")


def _of_ours(path: Path) -> dict[str, Any]:
    """Describe an HDF5 file of ours."""
    with open_ours(path) as file:
        kind, version = (attribute(file, name) for name in ("format", "version"))
    name = str(kind).removeprefix("snn.")
    if name not in _OURS:
        known = ", ".join(_OURS)
        raise ValueError(f"{path}: {refusal('format', f'one of {known}', kind)}")
    return _described(name, int(version), _OURS[name](path))


def _of_network(path: Path) -> Nodes:
    net = Network.load(path)
    found = {
        p.name: f"{p.size} {'inputs' if p.neuron is None else f'neurons, {type(p.neuron).__name__}'}"
        for p in net.populations
    }
    for p in net.projections:
        synapses = net.synapses(p.name)
        delays = synapses.delay_steps
        low, high = (int(delays.min()), int(delays.max())) if delays.size else (0, 0)
        steps = f"{low} to {high} steps late" if high else "no delay"
        found[p.name] = f"{p.pre} -> {p.post}, {synapses.weight.size} synapses, {steps}"
    return found


def _of_events(path: Path) -> Nodes:
    return {"events": str(Events.load(path))}


def _of_state(path: Path) -> Nodes:
    state = SimulationState.load(path)
    return {"state": f"{len(state)} samples of the network {state.fingerprint}"}


def _of_recording(path: Path) -> Nodes:
    rec = Recording.load(path)
    found = {name: str(events) for name, events in rec.spikes.items()}
    return found | {f"v of {name}": f"{list(v.shape)}" for name, v in rec.v.items()}


_OURS: dict[str, Callable[[Path], Nodes]] = {
    "network": _of_network,
    "events": _of_events,
    "state": _of_state,
}


def _of_model(path: Path) -> dict[str, Any]:
    """Describe a model by what its file says before its weights are read."""
    from snn.train.model_files import VERSION, open_model

    file = open_model(path)
    nodes = {name: str(shape) for name, shape in file.shapes.items()}
    layers = file.info["model"].get("layers", [file.info["model"]])
    kinds = {f"layer {i}": str(layer.get("kind")) for i, layer in enumerate(layers)}
    about = {name: json.dumps(value) for name, value in file.info["about"].items()}
    return _described("model", VERSION, kinds | nodes | about)


def _of_folder(path: Path) -> dict[str, Any]:
    """Describe a run by its settings and its last line of metrics, or a recording."""
    if not (path / "config.json").exists():
        from snn.core.recording import VERSION

        return _described("recording", VERSION, _of_recording(path))
    values = read_config(path / "config.json")
    nodes = {name: json.dumps(value) for name, value in values["config"].items()}
    metrics = path / "metrics.jsonl"
    lines = read_lines(metrics) if metrics.exists() else []
    nodes |= {f"result: {name}": json.dumps(value) for name, value in (lines[-1] if lines else {}).items()}
    return _described("run", values["versions"].get("snn"), nodes)
