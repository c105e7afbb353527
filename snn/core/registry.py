"""Keep things by name or by class: targets, devices, losses, counters of layers and what else a user may add to."""

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
        if not isinstance(name, str) or not name:
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


class ClassRegistry(Generic[T]):
    """Hold a thing per class, for its instances and those of every class that inherits from it."""

    def __init__(self, what: str) -> None:
        """Start empty; `what` names the things in messages, and ``register_<what>`` is how a user adds one."""
        self._what = what
        self._entries: dict[type, T] = {}

    def add(self, kind: type, entry: T) -> None:
        """Add the thing of a class.

        Raises:
            ValueError: The class has one.
        """
        if kind in self._entries:
            raise ValueError(f"kind must be a class that has no {self._what} yet, got {kind.__name__}")
        self._entries[kind] = entry

    def find(self, name: str, instance: object) -> T:
        """Return the thing of an instance's class, or of the nearest class that it inherits from.

        Args:
            name: Name of the instance in the message.
            instance: The instance.

        Raises:
            ValueError: None of its classes has one; the message lists those that have.
        """
        for kind in type(instance).__mro__:
            if kind in self._entries:
                return self._entries[kind]
        known = ", ".join(sorted(kind.__name__ for kind in self._entries))
        raise ValueError(
            f"{name} must be of a class that has a {self._what} ({known}; register_{self._what} adds one), "
            f"got {type(instance).__name__}"
        )
