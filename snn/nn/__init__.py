"""Torch layers of spiking networks: parameters inside, state passed through."""

from __future__ import annotations

from snn.nn import populations
from snn.nn.architectures import SLTT_NEURON, VGG_PLANS, resnet18, vgg
from snn.nn.batch_norm import BatchNorm
from snn.nn.connections import DelayLinear, DelayState, Linear
from snn.nn.conv import AdaptiveAvgPool2d, AvgPool2d, Conv2d, Flatten, MaxPool2d
from snn.nn.delays import DelayedLayer
from snn.nn.dropout import Dropout, DropoutState
from snn.nn.export import to_network
from snn.nn.frozen import frozen
from snn.nn.layer import Layer
from snn.nn.neurons import LIF, LeakyReadout, LIFState, ReadoutState, ReLU
from snn.nn.recurrent import RecurrentLIF, RecurrentLIFState
from snn.nn.registry import from_config, register_layer, to_config
from snn.nn.residual import Residual, ResidualState
from snn.nn.sequential import Sequential
from snn.nn.session import Session
from snn.nn.stepped_neuron import SteppedNeuron

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
    "DelayedLayer",
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
    "RecurrentLIFState",
    "Residual",
    "ResidualState",
    "Sequential",
    "Session",
    "SteppedNeuron",
    "from_config",
    "frozen",
    "populations",
    "register_layer",
    "resnet18",
    "to_config",
    "to_network",
    "vgg",
]
