"""Name the machines a ledger can be priced on, and register more."""

from __future__ import annotations

from snn.hardware.targets.dense import ANN_BASELINES, GPUS
from snn.hardware.targets.digital import (
    HOROWITZ_FP32,
    HOROWITZ_FP32_HIERARCHY,
    HOROWITZ_INT8,
    HOROWITZ_INT8_HIERARCHY,
)
from snn.hardware.targets.neuromorphic import SPINNAKER1, SPINNAKER2, Loihi1, LoihiBoard, TrueNorth
from snn.hardware.targets.rram import RRAM_CROSSBAR, RRAM_CROSSBAR_ALWAYS_ON
from snn.hardware.targets.target import Target

_REGISTRY: dict[str, Target] = {
    target.name: target
    for target in (
        *(HOROWITZ_FP32, HOROWITZ_INT8, Loihi1(), LoihiBoard(), TrueNorth(), SPINNAKER1, SPINNAKER2),
        *(HOROWITZ_FP32_HIERARCHY, HOROWITZ_INT8_HIERARCHY),
        *GPUS,
        *ANN_BASELINES,
        *(RRAM_CROSSBAR, RRAM_CROSSBAR_ALWAYS_ON),
    )
}


def register_target(target: Target) -> None:
    """Add a target, so that `estimate(ledger, target.name)` finds it.

    Raises:
        ValueError: The name is empty or taken.
    """
    if not target.name:
        raise ValueError("target.name is empty; a target needs a name")
    if target.name in _REGISTRY:
        raise ValueError(f"target {target.name!r} is already registered")
    _REGISTRY[target.name] = target


def targets() -> tuple[str, ...]:
    """List the registered target names, in the order of registration."""
    return tuple(_REGISTRY)


def find_target(name: str) -> Target:
    """Give the registered target of that name.

    Raises:
        ValueError: Unknown name; the message lists the known ones.
    """
    if name not in _REGISTRY:
        raise ValueError(f"target is {name!r}; known targets: {', '.join(targets())}")
    return _REGISTRY[name]
