"""The parts of the liquid recipe: its samples and how they are split, and its liquids."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import snn
from snn.core import Events, LIFParams
from snn.core.arrays import BoolArray, Float64Array, Int64Array
from snn.core.checks import refusal
from snn.core.random import keys, uniform
from snn.datasets import SpikeSet
from snn.datasets.folds import mark_held_out
from snn.liquid import Reservoir, wiring
from snn.recipes.liquid.config import LiquidConfig

if TYPE_CHECKING:
    from snn.nn import Layer

__all__ = [
    "LiquidSamples",
    "Liquids",
    "cropped",
    "join_events",
    "load_samples",
    "make_liquids",
    "split_samples",
]

CROP = 16
"""Rows and columns of N-MNIST that a liquid is given, in one polarity, as the resistive-memory one was."""


@dataclass(frozen=True, slots=True)
class LiquidSamples:
    """Hold all samples of a set, and which of them train, validate and test.

    Attributes:
        name: What the data really are.
        events: Input of the liquid.
        labels: Classes, [B].
        speakers: Speakers, [B]; -1 where unknown.
        classes: Their names.
        train: Samples that train, [B].
        valid: Samples that validate, [B].
        test: Samples that test, [B].
    """

    name: str
    events: Events
    labels: Int64Array
    speakers: Int64Array
    classes: tuple[str, ...]
    train: BoolArray
    valid: BoolArray
    test: BoolArray


def load_samples(config: LiquidConfig) -> LiquidSamples:
    """Read a set by its layout, SHD's HDF5 or N-MNIST's recordings, and split it.

    Raises:
        FileNotFoundError: The data are not there.
        ValueError: They are damaged, or have no such speaker.
    """
    sets = _nmnist(config) if _is_nmnist(config.data) else _words(config)
    official, labels, speakers = (
        np.concatenate(parts)
        for parts in zip(
            *((np.full(len(s), i), s.labels, s.speakers) for i, s in enumerate(sets)), strict=True
        )
    )
    train, valid, test = split_samples(config.split, labels, speakers, official == 1, config.seed)
    events = join_events([s.events for s in sets])
    return LiquidSamples(sets[0].name, events, labels, speakers, sets[0].classes, train, valid, test)


def split_samples(
    split: str, labels: Int64Array, speakers: Int64Array, official_test: BoolArray, seed: int
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Mark the samples that train, validate and test, [B] each.

    "official" holds a tenth of the training samples out; "speaker:N" tests on all words of speaker N and validates
    on those of the next speaker.

    Raises:
        ValueError: There is no such speaker, or are fewer than three.
    """
    if split == "official":
        valid = np.zeros(len(labels), dtype=bool)
        valid[~official_test] = mark_held_out(labels[~official_test], 0.1, seed)
        return ~official_test & ~valid, valid, official_test
    wanted, there = int(split.removeprefix("speaker:")), sorted(set(speakers.tolist()))
    if wanted < 0 or wanted not in there or len(there) < 3:
        raise refusal("split", f"'official' or a speaker of at least three, among {there}", split)
    test = speakers == wanted
    valid = speakers == there[(there.index(wanted) + 1) % len(there)]
    return ~test & ~valid, valid, test


def _is_nmnist(path: str | None) -> bool:
    from snn.datasets.formats.atis_bin import ENDING
    from snn.datasets.formats.class_tree import holds_tree

    if path is None or (Path(path).is_file() and Path(path).suffix != ".zip"):
        return False
    return holds_tree(path, (ENDING,))


def _words(config: LiquidConfig) -> tuple[SpikeSet, SpikeSet]:
    """Read spoken words: training and validation as one, and test."""
    train, valid, test = snn.datasets.shd(config.data, dt_ms=config.dt_ms, group=config.group)
    both = SpikeSet(
        train.name,
        join_events([train.events, valid.events]),
        np.concatenate([train.labels, valid.labels]),
        np.concatenate([train.speakers, valid.speakers]),
        train.classes,
    )
    return both, test


def _nmnist(config: LiquidConfig) -> tuple[SpikeSet, SpikeSet]:
    """Read recordings as binary frames of the middle of the image, in the polarity of rising light."""
    from snn.datasets import FrameBinning
    from snn.datasets.sets.nmnist import load_nmnist

    assert config.data is not None
    train, test = (
        part.read() for part in load_nmnist(config.data, FrameBinning(config.frames, None, "time"))
    )
    return cropped(train), cropped(test)


def cropped(recordings: SpikeSet) -> SpikeSet:
    """Keep the middle of the image in the polarity of rising light, its pixels in a row."""
    from snn.datasets.encode.reshape import centre_crop

    events = centre_crop(recordings.events, recordings.shape, size=CROP)
    return replace(recordings, events=events, shape=())


def join_events(parts: list[Events]) -> Events:
    """Put samples of one grid one after another."""
    first = parts[0]
    sizes = np.concatenate([[0], *(np.diff(part.offsets) for part in parts)])
    step, unit, n_steps = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("step", "unit", "n_steps")
    )
    return Events(step, unit, np.cumsum(sizes), first.n_units, first.dt_ms, n_steps)


class Liquids(NamedTuple):
    """Hold a liquid and its control.

    Attributes:
        liquid: What is harvested: a `Reservoir`, or a model on crossbars.
        control: The same without recurrence.
        reservoir: The liquid with the weights that its cells hold, where they are cells.
    """

    liquid: Reservoir | Layer
    control: Reservoir | Layer
    reservoir: Reservoir


def make_liquids(config: LiquidConfig, samples: LiquidSamples) -> Liquids:
    """Make the liquid, in software with Gaussian weights or of random arrays with weights of the same deviation.

    Gains count in thresholds: `input_gain` is the deviation of what a neuron is given in a step of a training
    sample, `recurrent_gain` about the spectral radius of the recurrent weights. Both are scaled down by
    sqrt(1 - decay^2) for each neuron, so that a slow one does not fire more than a fast one.
    """
    low, high = np.log(config.tau_ms)
    tau_ms = np.exp(low + (high - low) * _draw(config, "membranes"))
    gain = np.sqrt(1.0 - np.exp(-2.0 * samples.events.dt_ms / tau_ms))
    longest = max(1, round(config.recurrent_delay / samples.events.dt_ms))
    delays = 1 + np.floor(_draw(config, "delays") * longest).astype(np.int64)[:, None]
    neuron = LIFParams(tau_mem_ms=tau_ms, v_th=1.0)
    deviations = _deviations(config, samples)
    if config.weights == "rram":
        return _on_devices(config, samples, (neuron, delays), gain, deviations)
    w_in, w_rec = (
        gain * wiring.dense_gaussian(pre, config.neurons, sd=sd, seed=config.device_seed + (i << 32))
        for i, (pre, sd) in enumerate(zip((samples.events.n_units, config.neurons), deviations, strict=True))
    )
    reservoir = Reservoir(w_in, w_rec, neuron, delays)
    return Liquids(reservoir, reservoir.without_recurrence(), reservoir)


def _on_devices(
    config: LiquidConfig,
    samples: LiquidSamples,
    neurons: tuple[LIFParams, Int64Array],
    gain: Float64Array,
    deviations: tuple[float, float],
) -> Liquids:
    """Make the liquid of random cells, formed at the config's voltage and read with noise in every step."""
    from snn.hardware import CrossbarConfig, device_preset, form_random_array, to_crossbar

    device = device_preset("rram_random_40nm")
    assert device.forming is not None
    formed = replace(device, forming=replace(device.forming, voltage_v=config.voltage))
    hardware, size, seed = CrossbarConfig(device=formed), config.neurons, config.device_seed
    arrays = {}
    for name, pre, sd in zip(("in-out", "out"), (samples.events.n_units, size), deviations, strict=True):
        spread = float(form_random_array(pre, size, hardware, seed, name=name).weight().std())
        arrays[name] = form_random_array(pre, size, hardware, seed, name=name, scale=sd / spread * gain)
    w_in, w_rec = (array.weight().T.double().numpy() for array in arrays.values())
    reservoir, dt_ms = Reservoir(w_in, w_rec, *neurons), samples.events.dt_ms
    liquid = to_crossbar(reservoir.layers(dt_ms), hardware, arrays=arrays)
    alone = {"in-out": arrays["in-out"]}
    control = to_crossbar(reservoir.without_recurrence().layers(dt_ms), hardware, arrays=alone)
    return Liquids(liquid, control, reservoir)


def _draw(config: LiquidConfig, name: str) -> Float64Array:
    """Draw a number in [0, 1) for each neuron."""
    return uniform(keys(config.device_seed, f"liquid/{name}"), np.arange(config.neurons))


def _deviations(config: LiquidConfig, samples: LiquidSamples) -> tuple[float, float]:
    """Give the standard deviation of input weights and of recurrent ones."""
    chosen = samples.events.select(samples.train)
    counts = np.unique(np.stack([chosen.sample, chosen.step, chosen.unit]), axis=1, return_counts=True)[1]
    power = float((counts.astype(np.float64) ** 2).sum() / max(int(chosen.n_steps.sum()), 1))
    return config.input_gain / np.sqrt(max(power, 1e-12)), config.recurrent_gain / np.sqrt(config.neurons)
