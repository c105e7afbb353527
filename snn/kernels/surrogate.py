"""Surrogate derivatives of the spike: our own table, shared by every form of the neuron kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from snn.core.checks import choice, number

__all__ = ["DEFAULT_ALPHA", "Surrogate", "SurrogateName"]

SurrogateName = Literal["sigmoid", "atan", "triangle", "rectangle"]

DEFAULT_ALPHA: dict[SurrogateName, float] = {"sigmoid": 4.0, "atan": 2.0, "triangle": 1.0, "rectangle": 1.0}


@dataclass(frozen=True, slots=True)
class Surrogate:
    """Name a surrogate derivative g'(u), u = v - v_th.

    sigmoid: alpha s (1 - s), s = sigmoid(alpha u), peak alpha / 4.
    atan: (alpha/2) / (1 + (pi alpha u / 2)^2), peak alpha / 2.
    triangle: alpha - alpha^2 |u| where |u| <= 1/alpha, else 0, peak alpha.
    rectangle: alpha where |u| < 0.5/alpha, else 0, peak alpha.

    Attributes:
        name: Shape of the derivative.
        alpha: Sharpness, > 0; None takes the table's (sigmoid 4, atan 2, triangle 1, rectangle 1).
        normalise_peak: Scale the derivative so that its peak is 1.
        gain: Factor of the derivative, > 0, after any normalisation.

    Raises:
        ValueError: A value is unknown or out of its range; it is named as the layers do, `surrogate_alpha`.
    Source: SpikingJelly's Sigmoid, ATan, PiecewiseQuadratic and Rect.
    """

    name: SurrogateName = "sigmoid"
    alpha: float | None = None
    normalise_peak: bool = False
    gain: float = 1.0

    def __post_init__(self) -> None:
        choice("surrogate", self.name, SurrogateName)
        if self.alpha is not None:
            number("surrogate_alpha", self.alpha, above=0)
        number("surrogate_gain", self.gain, above=0)

    @property
    def sharpness(self) -> float:
        """Give alpha, the table's where none was set."""
        return DEFAULT_ALPHA[self.name] if self.alpha is None else self.alpha

    @property
    def peak(self) -> float:
        """Give the largest value of the derivative before normalisation, at u = 0."""
        return self.sharpness * {"sigmoid": 0.25, "atan": 0.5}.get(self.name, 1.0)

    @property
    def scale(self) -> float:
        """Give the factor on the derivative: the gain, over the peak when normalised."""
        return self.gain / self.peak if self.normalise_peak else self.gain

    def derivative(self, u: Tensor) -> Tensor:
        """Give g'(u), same shape and type as u."""
        alpha = self.sharpness
        if self.name == "sigmoid":
            s = (u * alpha).sigmoid_()
            out = (1.0 - s) * s * alpha
        elif self.name == "atan":
            a = alpha / 2
            w = math.pi * a * u
            out = a / (1 + w * w)
        elif self.name == "triangle":
            out = torch.relu(alpha - alpha**2 * u.abs())
        else:
            out = (u.abs() < 0.5 / alpha).to(u.dtype) * alpha
        return out if self.scale == 1.0 else out * self.scale

    def primitive(self, u: Tensor) -> Tensor:
        """Give g(u), the smooth step whose derivative this is (times `scale`)."""
        alpha = self.sharpness
        if self.name == "sigmoid":
            out = torch.sigmoid(u * alpha)
        elif self.name == "atan":
            out = torch.atan(math.pi / 2 * alpha * u) / math.pi + 0.5
        elif self.name == "triangle":
            w = (u * alpha).clamp(-1.0, 1.0)
            out = 0.5 + w - 0.5 * w * w.abs()
        else:
            out = (alpha * u + 0.5).clamp(0.0, 1.0)
        return out if self.scale == 1.0 else out * self.scale
