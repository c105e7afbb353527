"""Name the machines a ledger can be priced on, and register more."""

from __future__ import annotations

from snn.core.checks import shown
from snn.core.registry import Registry
from snn.hardware.targets.dense_network import BASELINE_NETWORKS
from snn.hardware.targets.digital import (
    HOROWITZ_FP32,
    HOROWITZ_FP32_HIERARCHY,
    HOROWITZ_INT8,
    HOROWITZ_INT8_HIERARCHY,
)
from snn.hardware.targets.gpu import GPUS
from snn.hardware.targets.loihi import Loihi1, LoihiBoard
from snn.hardware.targets.rram import RRAM_CROSSBAR, RRAM_CROSSBAR_ALWAYS_ON
from snn.hardware.targets.spinnaker import SPINNAKER1, SPINNAKER2
from snn.hardware.targets.target import Target
from snn.hardware.targets.truenorth import TrueNorth

_BUILT_IN: tuple[Target, ...] = (
    HOROWITZ_FP32,
    HOROWITZ_INT8,
    Loihi1(),
    LoihiBoard(),
    TrueNorth(),
    SPINNAKER1,
    SPINNAKER2,
    HOROWITZ_FP32_HIERARCHY,
    HOROWITZ_INT8_HIERARCHY,
    *GPUS,
    *BASELINE_NETWORKS,
    RRAM_CROSSBAR,
    RRAM_CROSSBAR_ALWAYS_ON,
)
_TARGETS: Registry[Target] = Registry("target", ((target.name, target) for target in _BUILT_IN))


def register_target(target: Target) -> None:
    """Add a target, so that `estimate(ledger, target.name)` finds it.

    Raises:
        ValueError: The name is empty or taken.
    """
    _TARGETS.add(target.name, target)


def targets() -> tuple[str, ...]:
    """List the registered target names, in the order of registration."""
    return tuple(_TARGETS)


def find_target(target: str | Target) -> Target:
    """Give the registered target of that name; a target itself is given back.

    Raises:
        TypeError: It is neither a name nor a target.
        ValueError: Unknown name; the message lists the known ones.
    """
    if isinstance(target, str):
        return _TARGETS.find(target)
    if not isinstance(target, Target):
        raise TypeError(f"target must be the name of a target or a target, got {shown(target)}")
    return target
