"""Call public names with one argument that is odd: accepted, or refused by an error that names the argument."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from cases import Outcome, is_ours, peak_bytes
from odd_values import ODD_VALUES

import snn
from snn import hardware, nn, train
from snn.core import (
    STDP,
    Events,
    Hebbian,
    LIFParams,
    LIParams,
    Network,
    PoissonInput,
    Population,
    Projection,
    Raster,
    Record,
    TimedEvents,
    TimeGrid,
    delay_steps,
    event_steps,
)
from snn.datasets import FrameBinning, ImageAugment, SpikeAugment, collate, folds, hold_out


def _network() -> Network:
    return Network(
        1.0,
        [Population("in", 3), Population("h", 2, LIFParams(decay=0.9))],
        [Projection("in", "h", np.ones((3, 2)), 1.0)],
    )


def _events() -> Events:
    return Events.from_lists([[0, 1, 3]], [[0, 2, 1]], n_units=3, dt_ms=1.0, n_steps=5)


def _ledger() -> Any:
    from ledgers import LEDGER

    return LEDGER


def _array() -> Any:
    import torch

    return hardware.program_crossbar(torch.ones(2, 3), hardware.CrossbarConfig())


def _layer(make: Callable[..., Any], shape: tuple[int, ...]) -> Callable[..., Any]:
    """Build a layer and run it on zeros."""

    def build(**given: Any) -> Any:
        import torch

        layer = make(**given)
        with torch.no_grad():
            return layer(torch.zeros(3, 2, *shape))

    build.__signature__ = inspect.signature(make)  # type: ignore[attr-defined]
    return build


def _forward(layer: Any) -> Callable[..., Any]:
    def forward(x: Any, state: Any = None, lengths: Any = None) -> Any:
        return layer(x, state, lengths)

    return forward


def _calls() -> dict[str, tuple[Callable[..., Any], Mapping[str, Any]]]:
    """Give what is called, and arguments that are right; those not given keep their defaults."""
    import torch

    lif = {"decay": 0.9, "v_th": 1.0}
    per_step = torch.zeros(3, 2, 4)
    return {
        "LIFParams": (LIFParams, lif),
        "LIFParams of time constants": (LIFParams, {"tau_mem_ms": 10.0, "tau_syn_ms": 5.0}),
        "LIFParams that adapts": (LIFParams, {"tau_mem_ms": 9.0, "adapt_by": 0.1, "tau_adapt_ms": 20.0}),
        "LIParams": (LIParams, {"decay": 0.9}),
        "STDP": (STDP, {"a_plus": 0.01, "a_minus": 0.01}),
        "Hebbian": (Hebbian, {"rate": 0.01}),
        "TimeGrid": (TimeGrid, {"n_steps": 3, "dt_ms": 1.0}),
        "Population": (Population, {"name": "h", "size": 3, "neuron": LIFParams(**lif)}),
        "Projection": (Projection, {"pre": "in", "post": "h", "weight": np.ones((3, 2)), "delay_ms": 1.0}),
        "PoissonInput": (PoissonInput, {"post": "h", "rate_hz": 100.0, "weight": 0.1}),
        "Network": (
            Network,
            {"dt_ms": 1.0, "populations": _network().populations, "projections": _network().projections},
        ),
        "Events": (
            Events,
            {"step": [0, 1], "unit": [0, 2], "offsets": [0, 2], "n_units": 3, "dt_ms": 1.0, "n_steps": 5},
        ),
        "Events.from_lists": (
            Events.from_lists,
            {"steps": [[0, 1]], "units": [[0, 2]], "n_units": 3, "dt_ms": 1.0, "n_steps": 5},
        ),
        "TimedEvents.from_times": (
            TimedEvents.from_times,
            {"times_ms": [[0.5, 1.0]], "units": [[0, 2]], "n_units": 3, "dt_ms": 1.0, "n_steps": 5},
        ),
        "Raster": (Raster, {"z": np.zeros((3, 2, 4), int), "grid": TimeGrid(3, 1.0), "lengths": [3, 1]}),
        "Events.slice": (_events().slice, {"start": 0, "stop": 3}),
        "Events.pad": (_events().pad, {"steps": 3}),
        "Events.select": (_events().select, {"indices": [0]}),
        "Record": (Record, {"spikes": ["h"], "v": ["h"]}),
        "delay_steps": (delay_steps, {"delay_ms": 3.0, "dt_ms": 1.0}),
        "event_steps": (event_steps, {"time": 3.0, "dt_ms": 1.0}),
        "simulate": (snn.simulate, {"net": _network(), "inputs": {"in": _events()}}),
        "simulate silence": (snn.simulate, {"net": _network(), "n_steps": 3, "engine": "clock"}),
        "simulate exactly": (
            snn.simulate,
            {"net": Network(1.0, [Population("h", 2, LIFParams(tau_mem_ms=9.0))]), "n_steps": 3, "engine": "exact"},
        ),
        "to_network": (nn.to_network, {"model": nn.Sequential(nn.Linear(3, 2), nn.LIF(2.0)), "dt_ms": 1.0}),
        "LIF": (_layer(nn.LIF, (4,)), {"tau": 2.0}),
        "LeakyReadout": (_layer(nn.LeakyReadout, (4,)), {"tau": 2.0}),
        "Linear": (_layer(nn.Linear, (4,)), {"in_features": 4, "out_features": 2}),
        "DelayLinear": (
            _layer(nn.DelayLinear, (4,)),
            {"in_features": 4, "out_features": 2, "max_delay": 4, "mode": "linear"},
        ),
        "RecurrentLIF": (_layer(nn.RecurrentLIF, (4,)), {"features": 4, "max_delay": 2}),
        "BatchNorm": (_layer(nn.BatchNorm, (4,)), {"num_features": 4}),
        "Dropout": (_layer(nn.Dropout, (4,)), {"p": 0.5}),
        "Conv2d": (
            _layer(nn.Conv2d, (2, 6, 6)),
            {"in_channels": 2, "out_channels": 4, "kernel_size": 3, "padding": 1},
        ),
        "MaxPool2d": (_layer(nn.MaxPool2d, (2, 6, 6)), {"kernel_size": 2}),
        "AvgPool2d": (_layer(nn.AvgPool2d, (2, 6, 6)), {"kernel_size": 2}),
        "AdaptiveAvgPool2d": (_layer(nn.AdaptiveAvgPool2d, (2, 6, 6)), {"output_size": 2}),
        "forward of LIF": (_forward(nn.LIF(2.0)), {"x": per_step, "lengths": torch.tensor([3, 1])}),
        "forward of Linear": (_forward(nn.Linear(4, 2)), {"x": per_step}),
        "forward of DelayLinear": (_forward(nn.DelayLinear(4, 2, 4, "linear").eval()), {"x": per_step}),
        "forward of Sequential": (
            _forward(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm(4), nn.LIF(2.0), nn.LeakyReadout(2.0))),
            {"x": per_step, "lengths": torch.tensor([3, 1])},
        ),
        "TrainConfig": (train.TrainConfig, {}),
        "sigma_at": (train.sigma_at, {"epoch": 1, "epochs": 5, "start": 6.0, "end": 0.5}),
        "one_cycle": (train.one_cycle, {"epoch": 1, "epochs": 5, "peak": 0.1}),
        "FrameBinning": (FrameBinning, {}),
        "SpikeAugment": (SpikeAugment, {}),
        "ImageAugment": (ImageAugment, {}),
        "folds": (folds, {"labels": [0, 1] * 6, "k": 3}),
        "hold_out": (hold_out, {"labels": [0, 1] * 6, "valid_fraction": 0.5}),
        "collate": (collate, {"items": [(np.zeros((3, 4)), 1), (np.zeros((2, 4)), 0)]}),
        "DeviceConfig": (hardware.DeviceConfig, {}),
        "MappingConfig": (hardware.MappingConfig, {}),
        "TileConfig": (hardware.TileConfig, {}),
        "WireConfig": (hardware.WireConfig, {}),
        "ConverterConfig": (hardware.ConverterConfig, {}),
        "CrossbarConfig": (hardware.CrossbarConfig, {}),
        "AnalogCircuit": (hardware.AnalogCircuit, {}),
        "LayerCounts": (hardware.LayerCounts, {"name": "a-b", "post": "b", "n_pre": 3, "n_post": 2}),
        "estimate": (hardware.estimate, {"ledger": _ledger(), "target": "loihi1"}),
        "compare": (hardware.compare, {"ledger": _ledger(), "on": ["loihi1"]}),
        "lossless_adc_bits": (hardware.lossless_adc_bits, {"rows": 128}),
        "sram_access_pj": (hardware.sram_access_pj, {"capacity_bytes": 8192.0, "bits": 32}),
        "program_crossbar": (
            hardware.program_crossbar, {"weight": torch.ones(2, 3), "config": hardware.CrossbarConfig()}
        ),
        "form_random_array": (
            hardware.form_random_array,
            {
                "in_features": 3, "out_features": 2,
                "config": hardware.CrossbarConfig(hardware.device_preset("rram_random_40nm")),
            },
        ),
        "effective_conductance": (
            hardware.effective_conductance, {"g_us": torch.ones(3, 2), "r_word_ohm": 1.0, "r_bit_ohm": 1.0}
        ),
        "solve_nodes": (
            hardware.solve_nodes,
            {"g_us": np.ones((3, 2)), "v": np.ones(3), "r_word_ohm": 1.0, "r_bit_ohm": 1.0},
        ),
        "raster": (snn.plot.raster, {"events": _events()}),
        "delay_histogram": (
            snn.plot.delay_histogram, {"delays_ms": {"a": ([1.0, 2.0], [3.0, 1.0])}, "dt_ms": 1.0}
        ),
        "confusion": (snn.plot.confusion, {"true": [0, 1], "predicted": [1, 1], "classes": ["a", "b"]}),
        "membranes": (snn.plot.membranes, {"v": np.zeros((5, 2)), "dt_ms": 1.0, "names": ["a", "b"]}),
    }  # fmt: skip


_ALSO_NAMED = ("x", "n_steps", "parameters")
"""What a layer is given, or events have, when the argument that does not fit it is another."""
_BUILT = ("2^31-1", "2^31", "2^32")
"""Sizes that a machine with much memory builds: not tried."""
_SIZES = ("in_features", "out_features", "features", "num_features", "in_channels", "out_channels")


class Calls:
    """Hold all calls, and each pair of a call and one of its arguments."""

    def __init__(self) -> None:
        self._calls = _calls()
        self._places = [
            (name, argument)
            for name, (function, _) in self._calls.items()
            for argument, value in inspect.signature(function).parameters.items()
            if value.kind not in (value.VAR_KEYWORD, value.VAR_POSITIONAL)
        ]

    @staticmethod
    def _names(function: Callable[..., Any]) -> list[str]:
        """Give the names of the arguments: a value may be refused because of another one, which is named then."""
        return [*inspect.signature(function).parameters, *_ALSO_NAMED]

    def run(self, case: int, seed: int) -> tuple[Outcome, str]:
        """Run a case: every argument meets every odd value once, then again in another order within pairs."""
        name, argument = self._places[case % len(self._places)]
        turn = (case // len(self._places) + seed) % len(ODD_VALUES)
        title, value = ODD_VALUES[turn]
        if argument in _SIZES and title in _BUILT:
            return "same", f"{name}({argument}={title}): not tried"
        function, right = self._calls[name]
        place = f"{name}({argument}={title})"
        try:
            function(**{**right, argument: value})
        except Exception as error:  # judged by its kind
            text = f"{place}: {type(error).__name__}: {error}"
            if not is_ours(error) and type(error) not in (TypeError, IndexError):
                return "foreign", text
            named = any(re.search(rf"\b{name}\b", str(error)) for name in self._names(function))
            return ("clean" if named else "unnamed"), text
        return "same", place


def serve(pipe: Any) -> None:
    """Run the cases that come through a pipe, in a process of its own, until None comes."""
    warnings.simplefilter("ignore")
    calls = Calls()
    pipe.send("ready")
    while (case := pipe.recv()) is not None:
        before = peak_bytes()
        outcome, text = calls.run(*case)
        grown = peak_bytes() - before
        pipe.send(("memory", f"{grown / 1e9:.1f} GB; {text}") if grown > 1e9 else (outcome, text))
        import matplotlib.pyplot as plt

        plt.close("all")
