"""`snn data`: the data sets known, and whether one is whole."""

from __future__ import annotations

from collections.abc import Sequence

from snn.cli.progress import print_line
from snn.datasets import fetch, list_sets, verify

__all__ = ["main"]

_USAGE = """usage: snn data list            the data sets known, and where they are
       snn data verify [PATH]   check every sample of a set (default: the embedded one)
       snn data fetch NAME      download a set through tonic (shd, nmnist)"""


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Raises:
        ValueError: An unknown action, or too many or too few arguments.
    """
    action, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    if action in ("-h", "--help"):
        print_line(_USAGE)
    elif action == "list" and not rest:
        _list()
    elif action == "verify" and len(rest) <= 1:
        _verify(rest[0] if rest else None)
    elif action == "fetch" and len(rest) == 1:
        print_line(f"fetched: {fetch(rest[0])}")
    else:
        raise ValueError(f"arguments must be as below, got {' '.join(arguments) or 'nothing'}\n{_USAGE}")


def _list() -> None:
    for known in list_sets():
        where = known.folder or f"not here; to get it: {known.hint}"
        print_line(f"{known.name:<13} {known.what}\n{'':<13} {known.size}; {known.licence}; {where}")


def _verify(path: str | None) -> None:
    for report in verify(path):
        print_line(f"{report.split}: {report.name}: {report.about}, every one in range")
        print_line(f"  {report.source}\n  sha256 {report.sha256} ({report.checksum})")
