"""Continual learning: task streams, Hebbian orthogonal projection, and baselines.

Each name loads with its module when first used: all bring torch in.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "HebbianSubspace",
    "OrthogonalProjection",
    "SpikingLateral",
    "SubspaceCircuit",
    "TaskCost",
    "signed_events",
]

_MODULES = {
    "HebbianSubspace": "hebbian_subspace",
    "OrthogonalProjection": "orthogonal_projection",
    "SpikingLateral": "lateral_neurons",
    "SubspaceCircuit": "event_circuit",
    "TaskCost": "lateral_cost",
    "signed_events": "event_circuit",
}

if TYPE_CHECKING:
    from snn.continual.event_circuit import SubspaceCircuit, signed_events
    from snn.continual.hebbian_subspace import HebbianSubspace
    from snn.continual.lateral_cost import TaskCost
    from snn.continual.lateral_neurons import SpikingLateral
    from snn.continual.orthogonal_projection import OrthogonalProjection
else:

    def __getattr__(name: str) -> Any:
        """Load a name with its module."""
        if name in _MODULES:
            return getattr(import_module(f"snn.continual.{_MODULES[name]}"), name)
        raise AttributeError(f"module 'snn.continual' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
