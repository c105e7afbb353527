"""`snn data`: the data sets known, and whether one is whole."""

from __future__ import annotations

from collections.abc import Sequence

from snn.cli.progress import say
from snn.datasets import fetch, list_sets, verify

__all__ = ["main"]

_USAGE = """usage: snn data list            the data sets known, and where they are
       snn data verify [PATH]   check every sample of a set (default: the embedded one)
       snn data fetch NAME      download a set through tonic (shd, nmnist)"""


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Raises:
        ValueError: An unknown action, or too many or too few words.
    """
    action, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    if action in ("-h", "--help"):
        say(_USAGE)
    elif action == "list" and not rest:
        _list()
    elif action == "verify" and len(rest) <= 1:
        _verify(rest[0] if rest else None)
    elif action == "fetch" and len(rest) == 1:
        say(f"fetched: {fetch(rest[0])}")
    else:
        raise ValueError(f"got {' '.join(arguments) or 'nothing'}\n{_USAGE}")


def _list() -> None:
    for known in list_sets():
        where = known.folder or f"not here; to get it: {known.hint}"
        say(f"{known.name:<13} {known.what}\n{'':<13} {known.size}; {known.licence}; {where}")


def _verify(path: str | None) -> None:
    for report in verify(path):
        say(f"{report.split}: {report.name}: {report.about}, every one in range")
        say(f"  {report.source}\n  sha256 {report.sha256} ({report.checksum})")
