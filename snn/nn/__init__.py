"""Torch layers of spiking networks: parameters inside, state passed through."""

from __future__ import annotations

from snn.nn import stages
from snn.nn.connections import DelayLinear, DelayState, Linear
from snn.nn.conv import AdaptiveAvgPool2d, AvgPool2d, Conv2d, Flatten, MaxPool2d
from snn.nn.delays import Delays
from snn.nn.export import to_network
from snn.nn.layer import Layer
from snn.nn.neurons import LIF, LeakyReadout, LIFState, ReadoutState, ReLU
from snn.nn.recurrent import RecurrentLIF, RecurrentState
from snn.nn.registry import from_config, to_config
from snn.nn.regularise import BatchNorm, Dropout, DropoutState, frozen_statistics
from snn.nn.residual import Residual, ResidualState
from snn.nn.sequential import Sequential
from snn.nn.vision import SLTT_NEURON, VGG_PLANS, resnet18, vgg

__all__ = [
    "LIF",
    "SLTT_NEURON",
    "VGG_PLANS",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BatchNorm",
    "Conv2d",
    "DelayLinear",
    "DelayState",
    "Delays",
    "Dropout",
    "DropoutState",
    "Flatten",
    "LIFState",
    "Layer",
    "LeakyReadout",
    "Linear",
    "MaxPool2d",
    "ReLU",
    "ReadoutState",
    "RecurrentLIF",
    "RecurrentState",
    "Residual",
    "ResidualState",
    "Sequential",
    "from_config",
    "frozen_statistics",
    "resnet18",
    "stages",
    "to_config",
    "to_network",
    "vgg",
]
