"""What `snn train zeroshot` gives to its projections: two sets of samples through two frozen liquids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from snn.core import Events, LIFParams
from snn.core.arrays import Int64Array
from snn.datasets import SpikeSet, centre_crop, chunk, hold_out, nmnist, saccade_images, shd
from snn.datasets.formats.atis_bin import ENDING
from snn.datasets.formats.class_tree import holds_tree
from snn.hardware import CrossbarConfig, device_preset, form_random_array, to_crossbar
from snn.liquid import Reservoir, Sense, harvest
from snn.recipes.recipe import Log

if TYPE_CHECKING:
    from snn.nn import Layer
    from snn.recipes.zeroshot.config import ZeroShotConfig

__all__ = [
    "NEURONS",
    "Samples",
    "feel",
    "liquid",
    "load_audio",
    "load_images",
    "load_samples",
    "through_liquids",
]

DEVICE = "rram_random_40nm"
SPREAD_US = 6.64
"""Standard deviation of a weight of the paper's macro, between those of its two matrices, microsiemens."""
_FRAMES, _CHUNKS = 50, 129
_AUDIO_MS, _GROUP = 4.0, 10


@dataclass(frozen=True, slots=True)
class Samples:
    """Hold what a liquid is given.

    Attributes:
        name: What the samples really are.
        train: Spikes of those to train on, in parts.
        train_label: Their classes, [B].
        test: Spikes of those to test on.
        test_label: Their classes, [B'].
    """

    name: str
    train: tuple[Events, ...]
    train_label: Int64Array
    test: Events
    test_label: Int64Array

    @classmethod
    def of(cls, train: Sequence[SpikeSet], test: SpikeSet, change: Callable[[SpikeSet], Events]) -> Samples:
        """Take sets over, their spikes changed."""
        labels = np.concatenate([part.labels for part in train])
        return cls(test.name, tuple(map(change, train)), labels, change(test), test.labels)


def load_images(path: str, limit: int, seed: int = 0) -> Samples:
    """Read N-MNIST, or film images; keep the middle 16 x 16 pixels, where light rose, in 50 frames.

    Of N-MNIST a fifth of each class is for test, drawn from both splits: a sample of it may have next to no test
    recordings of a class.
    """
    if holds_tree(path, (ENDING,)):
        train, valid, test = nmnist(path, n_bins=_FRAMES)
        whole = (train + valid + test).read()
        kept, held_out = hold_out(whole.labels, 0.2, seed)
        parts, last = [whole.subset(kept)], whole.subset(held_out)
    else:
        filmed = saccade_images(path, n_bins=_FRAMES, max_train=limit, max_test=max(limit // 3, 1), seed=seed)
        parts, last = list(filmed[:2]), filmed[2]
    return Samples.of(parts, last, lambda part: centre_crop(part.events, part.shape))


def load_audio(path: str) -> Samples:
    """Read spoken words in 70 channels of 4 ms steps, and join the steps into at most 129 windows."""
    train, valid, test = shd(path, dt_ms=_AUDIO_MS, group=_GROUP)
    return Samples.of([train, valid], test, lambda part: chunk(part.events, _CHUNKS))


class Liquid(NamedTuple):
    """Hold a liquid as it is described and as it is run.

    Attributes:
        described: With the weights that its cells hold, where they are cells.
        run: The same, or a model on arrays that are read with noise in every step.
    """

    described: Reservoir
    run: Reservoir | Layer


def liquid(name: str, n_in: int, dt_ms: float, config: ZeroShotConfig) -> Liquid:
    """Make the liquid of "image" or "audio": dense random weights, on formed arrays or drawn from a normal law."""
    scale = config.image_scale if name == "image" else config.audio_scale
    size, seed, neuron = config.neurons, config.device_seed, NEURONS[name]
    if config.weights == "software":
        drawn = np.random.default_rng((seed, *name.encode()))
        w_in, w_rec = (scale * SPREAD_US * drawn.normal(size=(n, size)) for n in (n_in, size))
        made = Reservoir(w_in, w_rec, neuron)
        return Liquid(made, made)
    device = device_preset(DEVICE)
    assert device.forming is not None
    hardware = CrossbarConfig(replace(device, forming=replace(device.forming, voltage_v=config.voltage)))
    arrays = {
        layer: form_random_array(n, size, hardware, seed, scale=scale, name=f"{name}_{layer}")
        for layer, n in (("in-out", n_in), ("out", size))
    }
    w_in, w_rec = (array.weight().t().double().numpy() for array in arrays.values())
    described = Reservoir(w_in, w_rec, neuron)
    if not config.read_noise:
        return Liquid(described, described)
    return Liquid(described, to_crossbar(described.layers(dt_ms), hardware, arrays=arrays))


_NEURON: dict[str, Any] = {"input_scale": 1.0, "reset": "hard_next_step", "fires": ">"}
NEURONS = {
    "image": LIFParams(decay=0.9, v_th=5.0, **_NEURON),
    "audio": LIFParams(decay=0.97, v_th=5.3, **_NEURON),
}
"""Neurons of the paper's two liquids."""


def feel(samples: Samples, model: Reservoir | Layer, windows: int) -> tuple[Sense, float]:
    """Count the spikes of a liquid on all samples; gives the counts, and spikes per neuron and step."""
    counts = np.concatenate([harvest(model, part, None, windows) for part in samples.train])
    test = harvest(model, samples.test, None, windows)
    steps = sum(int(part.n_steps.sum()) for part in samples.train)
    rate = float(counts.sum(dtype=np.float64)) / (steps * (counts.shape[1] // windows))
    return Sense(counts, samples.train_label, test, samples.test_label), rate


def load_samples(config: ZeroShotConfig) -> dict[str, Samples]:
    """Read what the liquids of "image" and "audio" are given."""
    assert config.images is not None and config.audio is not None
    images = load_images(config.images, config.image_limit, config.seed)
    return {"image": images, "audio": load_audio(config.audio)}


def through_liquids(config: ZeroShotConfig, samples: dict[str, Samples], log: Log) -> tuple[Sense, Sense]:
    """Run both liquids, and say how much they fire."""
    senses = []
    for name, given in samples.items():
        made = liquid(name, given.test.n_units, given.test.dt_ms, config)
        sense, rate = feel(given, made.run, config.windows)
        senses.append(sense)
        log(
            f"{name}: {given.name}; {len(sense.train)} training and {len(sense.test)} test samples, "
            f"{rate:.3f} spikes per neuron and step"
        )
    return senses[0], senses[1]
