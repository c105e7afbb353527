"""`snn convert`: a network or model from one file format into another, exactly or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from snn.cli.outputs import check_file
from snn.cli.parse import parse
from snn.cli.progress import print_line
from snn.core.checks import refusal
from snn.core.files.whole import existing_file

__all__ = ["Options", "main"]

FORMATS = {".nir": "NIR", ".h5": "network", ".hdf5": "network", ".safetensors": "model"}
"""What a file is, by its extension."""


@dataclass(frozen=True)
class Options:
    """Convert between NIR (.nir), our networks (.h5) and our models (.safetensors), by the files' extensions.

    A model becomes a network or NIR; NIR becomes a network, or a model where it is a chain; a network becomes NIR.
    What the other format cannot hold is refused by name, with exit code 2.

    Attributes:
        source: The file to read.
        target: The file to write.
        dt_ms: Length of a step, ms: needed for NIR, which stores none, and for a model that no recipe saved.
        integrate: How equations of NIR become steps; by default what the file says, else euler.
        if_gain: What an IF of NIR adds in a step: r (step) or r dt (time).
        reset: What a spike of NIR does, where a file means another reset than its own.
        shape: Axes of a step's input (C H W), of a model over images that no recipe saved.
        lossy: Drop what NIR cannot hold, and say what.
    """

    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="IN")]
    target: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
    dt_ms: float | None = None
    integrate: Literal["euler", "exact"] | None = None
    if_gain: Literal["step", "time"] | None = None
    reset: Literal["hard", "soft", "soft_multiple", "hard_next_step"] | None = None
    shape: tuple[int, ...] = ()
    lossy: bool = False


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(Options, "convert", arguments)
    kinds = _format("IN", options.source), _format("OUT", options.target)
    if kinds not in _WAYS:
        ways = ", ".join(f"{a} to {b}" for a, b in _WAYS)
        raise refusal("IN and OUT", f"one of {ways}", f"{kinds[0]} to {kinds[1]}")
    _check_options(options, kinds[0])
    existing_file(options.source)
    check_file("OUT", options.target)
    for line in _WAYS[kinds](options):
        print_line(line)
    print_line(f"written: {options.target}")


def _format(name: str, path: str) -> str:
    """Tell what a file is by its extension."""
    found = FORMATS.get(Path(path).suffix)
    if found is None:
        raise refusal(name, f"a file {', '.join(FORMATS)}", path)
    return found


def _check_options(options: Options, kind: str) -> None:
    """Refuse options that a format does not have, rather than leave them out."""
    of = {"integrate": "NIR", "if_gain": "NIR", "reset": "NIR", "shape": "model"}
    for name, whose in of.items():
        value = getattr(options, name)
        if value not in (None, ()) and kind != whose:
            raise refusal(f"--{name.replace('_', '-')}", f"left out, as IN is no {whose}", value)


def _how(options: Options) -> dict[str, Any]:
    return {name: getattr(options, name) for name in ("integrate", "if_gain", "reset")}


def _nir_to_network(options: Options) -> list[str]:
    from snn.interop import nir

    found = nir.read(options.source, options.dt_ms, **_how(options))
    found.network.save(options.target)
    late = [f"A step late, as it closes a cycle: {a} -> {b}." for a, b in found.one_step_edges]
    return [str(found.network), *late, *found.notes]


def _nir_to_model(options: Options) -> list[str]:
    from snn.interop import nir
    from snn.train import save

    model = nir.layers(options.source, options.dt_ms, **_how(options))
    save(model, options.target)
    return [f"{len(model)} layers, in float64, and steps of the file's time step"]


def _network_to_nir(options: Options) -> list[str]:
    from snn.core import Network

    return _to_nir(options, Network.load(options.source))


def _model_to_nir(options: Options) -> list[str]:
    return _to_nir(options, _written(options))


def _model_to_network(options: Options) -> list[str]:
    net = _written(options)
    net.save(options.target)
    return [str(net)]


def _to_nir(options: Options, net: Any) -> list[str]:
    from snn.interop import nir

    lost = nir.write(net, options.target, lossy=options.lossy, dt_ms=options.dt_ms)
    return [str(net), *(f"dropped: {one}" for one in lost)]


def _written(options: Options) -> Any:
    """Write a model as a network, with the step and shape that its recipe saved, if one did."""
    from snn.nn import to_network
    from snn.recipes.saved import load_saved
    from snn.train import load, read_info

    if "recipe" in read_info(options.source):
        saved = load_saved(options.source)
        dt_ms = saved.dt_ms if options.dt_ms is None else options.dt_ms
        return to_network(saved.model, dt_ms, shape=options.shape or saved.shape or None)
    if options.dt_ms is None:
        raise refusal("--dt-ms", f"given, as {options.source} does not say the length of its steps", None)
    return to_network(load(options.source), options.dt_ms, shape=options.shape or None)


_WAYS = {
    ("NIR", "network"): _nir_to_network,
    ("NIR", "model"): _nir_to_model,
    ("network", "NIR"): _network_to_nir,
    ("model", "NIR"): _model_to_nir,
    ("model", "network"): _model_to_network,
}
