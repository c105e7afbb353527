"""Torch layers of spiking networks: parameters inside, state passed through."""

from __future__ import annotations

from snn.nn import stages
from snn.nn.connections import DelayLinear, DelayState, Linear
from snn.nn.delays import Delays
from snn.nn.export import to_network
from snn.nn.layer import Layer
from snn.nn.neurons import LIF, LeakyReadout, LIFState, ReadoutState
from snn.nn.recurrent import RecurrentDelay, RecurrentState
from snn.nn.registry import build, describe
from snn.nn.regularise import BatchNorm, Dropout, DropoutState, frozen_statistics
from snn.nn.sequential import Sequential

__all__ = [
    "LIF",
    "BatchNorm",
    "DelayLinear",
    "DelayState",
    "Delays",
    "Dropout",
    "DropoutState",
    "LIFState",
    "Layer",
    "LeakyReadout",
    "Linear",
    "ReadoutState",
    "RecurrentDelay",
    "RecurrentState",
    "Sequential",
    "build",
    "describe",
    "frozen_statistics",
    "stages",
    "to_network",
]
