"""`snn info`: what a file holds, and what would be lost of it here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from snn.cli.parse import parse
from snn.cli.progress import print_line

__all__ = ["Options", "main"]


@dataclass(frozen=True)
class Options:
    """Say what a file or folder holds: networks, models, events, states, recordings, runs; NIR, SONATA, NWB.

    Attributes:
        file: The file, or the folder of a run or recording.
        kind: Read it as this; by default as what it is.
        dt_ms: Length of a step, ms, with which NIR would be read: what is refused then stands under "lost".
        json: Print one JSON group: kind, version, nodes (what each part is, by name), lost (sentences).
    """

    file: Annotated[str, tyro.conf.Positional]
    kind: Annotated[Literal["nir", "sonata", "nwb"] | None, tyro.conf.arg(name="as")] = None
    dt_ms: float | None = None
    json: bool = False


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options = parse(Options, "info", arguments)
    from snn.recipes.description import describe

    found = describe(options.file, options.kind, options.dt_ms)
    if options.json:
        print_line(json.dumps(found, indent=2))
        return
    version = "" if found["version"] is None else f", version {found['version']}"
    print_line(f"{options.file}: {found['kind']}{version}")
    wide = max((len(name) for name in found["nodes"]), default=0)
    for name, what in found["nodes"].items():
        print_line(f"  {name:<{wide}}  {_line(what)}".rstrip())
    for sentence in found["lost"]:
        print_line(f"lost: {sentence}")


def _line(what: Any) -> str:
    """Say what a part is in a line."""
    return what if isinstance(what, str) else json.dumps(what)
