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
    """Hold a thing per class, for its instances and those of classes that inherit from it and do the same."""

    def __init__(self, what: str, method: str) -> None:
        """Start empty.

        Args:
            what: Name of the things in messages; ``register_<what>`` is how a user adds one.
            method: What an instance does: a class that has a method of this name of its own inherits no thing.
        """
        self._what = what
        self._method = method
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
        """Return the thing of an instance's class, or of the nearest class that it inherits from with its method.

        Args:
            name: Name of the instance in the message.
            instance: The instance.

        Raises:
            ValueError: No class of the kind has one; the message lists those that have.
        """
        own, unlike = type(instance), ""
        for kind in own.__mro__:
            if kind not in self._entries:
                continue
            if getattr(own, self._method) is getattr(kind, self._method):
                return self._entries[kind]
            unlike = unlike or f", whose {self._method} is not that of {kind.__name__}"
        known = ", ".join(sorted(kind.__name__ for kind in self._entries))
        raise ValueError(
            f"{name} must be of a class that has a {self._what} ({known}; register_{self._what} adds one), "
            f"got {own.__name__}{unlike}"
        )
