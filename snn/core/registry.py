"""Keep things by name: targets, devices, losses and what else a user may add to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from snn.core.checks import choice

T = TypeVar("T")


class Registry(Generic[T]):
    """Hold named things in the order in which they came; a name is given once."""

    def __init__(self, what: str, entries: Iterable[tuple[str, T]] = ()) -> None:
        """Start with some entries; `what` names their kind in messages."""
        self._what = what
        self._entries: dict[str, T] = {}
        for name, entry in entries:
            self.add(name, entry)

    def add(self, name: str, entry: T) -> None:
        """Add an entry.

        Raises:
            ValueError: The name is empty or taken.
        """
        if not name:
            raise ValueError(f"{self._what} must be a name that is not empty, got {name!r}")
        if name in self._entries:
            raise ValueError(f"{self._what} must be a name that is not taken, got {name!r}")
        self._entries[name] = entry

    def find(self, name: str) -> T:
        """Return the entry of that name.

        Raises:
            ValueError: Unknown name; the message lists the known ones.
        """
        return self._entries[choice(self._what, name, tuple(self._entries))]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
