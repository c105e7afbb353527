"""What the experiments on event cameras share: how events become frames."""

from __future__ import annotations

from typing import Any, Protocol

from snn.core.checks import choice, keep, number, whole
from snn.datasets import FrameBinning
from snn.datasets.event_camera_set import EqualFrames

__all__ = ["arguments", "check_frames", "step_ms"]


class _FrameConfig(Protocol):
    """What frames need of a recipe's settings."""

    @property
    def steps(self) -> int: ...
    @property
    def frames(self) -> EqualFrames: ...
    @property
    def dt_ms(self) -> float | None: ...


def check_frames(config: _FrameConfig) -> None:
    """Check the settings of frames, and keep them in their plain form.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """
    keep(config, whole, "steps", low=1)
    keep(config, choice, "frames", allowed=EqualFrames)
    keep(config, number, "dt_ms", above=0, optional=True)
    FrameBinning(**arguments(config))


def arguments(config: _FrameConfig) -> dict[str, Any]:
    """Give the arguments of a set's loader: `steps` frames, or, where it is given, frames of `dt_ms`."""
    n_bins = config.steps if config.dt_ms is None else None
    return {"n_bins": n_bins, "dt_ms": config.dt_ms, "frames": config.frames}


def step_ms(config: _FrameConfig, nominal_ms: float) -> float:
    """Give the length of a frame, ms; nominal where frames are parts of each recording."""
    return nominal_ms / config.steps if config.dt_ms is None else config.dt_ms
