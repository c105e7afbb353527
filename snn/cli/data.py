"""`snn data`: the data sets known, and whether one is whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import snn
from snn.cli.progress import print_line
from snn.cli.suggest import did_you_mean

__all__ = ["main"]


class _Action(NamedTuple):
    """What `snn data` can do.

    Attributes:
        arguments: What follows its name, for the usage.
        what: What it does.
        least: Fewest arguments.
        most: Most arguments.
        act: Does it.
    """

    arguments: str
    what: str
    least: int
    most: int
    act: Callable[..., None]


def _list() -> None:
    for known in snn.datasets.list_sets():
        where = known.folder or f"not here; to get it: {known.hint}"
        print_line(f"{known.name:<13} {known.what}\n{'':<13} {known.size}; {known.licence}; {where}")


def _verify(path: str | None = None) -> None:
    for report in snn.datasets.verify(path):
        print_line(f"{report.split}: {report.name}: {report.about}, every one in range")
        print_line(f"  {report.source}\n  sha256 {report.sha256} ({report.checksum})")


def _fetch(name: str) -> None:
    print_line(f"fetched: {snn.datasets.fetch(name)}")


_ACTIONS = {
    "list": _Action("", "the data sets known, and where they are", 0, 0, _list),
    "verify": _Action("[PATH]", "check every sample of a set (default: the embedded one)", 0, 1, _verify),
    "fetch": _Action("NAME", "download a set through tonic (shd, nmnist)", 1, 1, _fetch),
}


def _usage(names: Sequence[str]) -> str:
    rows = [f"snn data {name} {_ACTIONS[name].arguments}".ljust(26) + _ACTIONS[name].what for name in names]
    return "usage: " + "\n       ".join(rows)


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Raises:
        ValueError: An unknown action, or too many or too few arguments.
    """
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if name in ("-h", "--help"):
        print_line(_usage(tuple(_ACTIONS)))
        return
    action = _ACTIONS.get(name)
    if action is not None and {"-h", "--help"} & set(rest):
        print_line(_usage([name]))
        return
    if action is None or not action.least <= len(rest) <= action.most:
        given = " ".join(arguments) or "nothing"
        hint = did_you_mean(name, _ACTIONS) if action is None else ""
        known = _usage(tuple(_ACTIONS) if action is None else [name])
        raise ValueError(f"arguments must be as below, got {given}{hint}\n{known}")
    action.act(*rest)
