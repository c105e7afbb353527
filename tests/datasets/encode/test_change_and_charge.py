"""Deltas, receptive fields and integrate-and-fire channels against closed forms, loops and snn's own layer."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from odd_values import ODD_VALUES
from scipy.signal import sawtooth

import snn
from snn.datasets import (
    MelFrontEnd,
    cochlea,
    delta,
    integrate_and_fire,
    population,
    receptive_fields,
)

RNG = np.random.default_rng(0)


def test_deltas_give_the_signal_back():
    """The inverse: thresholds counted up and down, from the first value, are less than a threshold off."""
    signals = np.cumsum(RNG.normal(0, 1, (300, 2, 3)), axis=0)
    threshold = np.array([0.4, 1.0, 2.5])
    events = delta(signals, threshold, dt_ms=0.5)
    assert (events.n_units, events.dt_ms, events.n_steps.tolist()) == (6, 0.5, [300, 300])
    off, on = np.split(events.to_raster().z.astype(float), 2, axis=2)
    back = signals[:1] + threshold * np.cumsum(on - off, axis=0)
    assert (np.abs(back - signals) < threshold).all()
    assert not ((on > 0) & (off > 0)).any() and on.max() > 1


def test_deltas_of_a_sawtooth_by_hand():
    """A rise of 10 by steps of 0.5 crosses 10 times at threshold 1, at whole numbers; the fall at once."""
    signal = np.concatenate([np.arange(0, 10.5, 0.5), [0.0]])[:, None, None]
    events = delta(signal, 1.0)
    assert events.step[events.unit == 1].tolist() == list(range(2, 21, 2))
    assert events.step[events.unit == 0].tolist() == [21] * 10
    assert delta(np.full((5, 1, 2), 3.7), 0.1).n_events == 0
    for side in (-1, 1):  # never moved by as much, up or down
        assert delta(100 + side * sawtooth(np.arange(50))[:, None, None], 2.1).n_events == 0


def test_receptive_fields_by_hand():
    """Four fields on 0..10: centres at -2.5, 2.5, 7.5 and 12.5, deviation 5 / 1.5."""
    answers = receptive_fields([[0.0, 5.0]], 4, low=0.0, high=10.0)
    wanted = [
        [math.exp(-((value - centre) ** 2) / (2 * (5 / 1.5) ** 2)) for centre in (-2.5, 2.5, 7.5, 12.5)]
        for value in (0.0, 5.0)
    ]
    assert answers.shape == (1, 2, 4) and np.abs(answers[0] - wanted).max() < 1e-15
    events = population([[2.5, 7.5]], 4, 11, low=0.0, high=10.0, least=0.2)
    first = dict(zip(events.unit.tolist(), events.step.tolist(), strict=True))
    # at a centre: step 0; one distance away exp(-1.125) = 0.325: rint(10 (1 - 0.325) / 0.8) = 8; two away: silent
    assert first == {0: 8, 1: 0, 2: 8, 5: 8, 6: 0, 7: 8}


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("decay_input", [False, True])
def test_channels_spike_as_the_layer_does(reset, decay_input):
    """The layer computes the same step in torch; float64 throughout."""
    currents = RNG.normal(0.3, 0.5, (80, 3, 5))
    layer = snn.nn.LIF(tau=2.0, reset=reset, decay_input=decay_input)
    spikes, _ = layer(torch.from_numpy(currents))
    neuron = snn.LIFParams(
        decay=0.5, input_scale=0.5 if decay_input else 1.0, reset=reset, decay_input=decay_input
    )
    found = integrate_and_fire(currents, neuron).to_raster().z
    assert np.array_equal(found, spikes.numpy()) and 0 < found.mean() < 1


def test_channels_count_charge():
    """Without leak: floor(charge / threshold), to the bit in halves."""
    currents = RNG.integers(0, 3, (50, 2, 4)) / 2
    events = integrate_and_fire(currents, snn.LIFParams(decay=1.0, v_th=1.0, reset="soft"), dt_ms=0.1)
    assert events.dt_ms == 0.1
    for k in (1, 17, 50):
        counts = events.slice(0, k).spike_counts()
        assert np.array_equal(counts.reshape(2, 4), np.floor(currents[:k].sum(axis=0)))
    paused = integrate_and_fire(np.ones((10, 1, 1)), snn.LIFParams(decay=0.0, t_ref_ms=2.0))
    assert paused.step.tolist() == [0, 3, 6, 9]


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        (lambda: delta([[1.0]], 1.0), r"signals must be of shape \[T, B, N\]"),
        (lambda: delta([[[np.nan]]], 1.0), r"signals\[0, 0, 0\] must be finite"),
        (lambda: delta([[[1.0]]], 0.0), "threshold must be finite and > 0, got 0.0"),
        (lambda: delta([[[1.0]]], [1.0, 2.0]), r"threshold must be one number, or one per channel, \[1\]"),
        (lambda: delta([[[0.0]], [[1.0]]], 1e-300), r"threshold must be at least 2\^-53 of every change"),
        (lambda: receptive_fields([[1.5]], 5), r"values\[0, 0\] must be finite and >= 0 and <= 1, got 1.5"),
        (lambda: receptive_fields([0.5], 5), r"values must be of shape \[B, N\]"),
        (lambda: receptive_fields([[0.5]], 2), "fields must be a whole number >= 3, got 2"),
        (lambda: receptive_fields([[0.5]], 5, high=0.0), "high must be a finite number > 0, got 0.0"),
        (lambda: population([[0.5]], 5, 9, sharpness=0), "sharpness must be a finite number > 0, got 0"),
        (lambda: population([[0.5]], 5, 0), "n_steps must be a whole number >= 1 and <= [0-9]+, got 0"),
        (
            lambda: integrate_and_fire([[1.0]], snn.LIFParams(decay=1.0)),
            r"currents must be of shape \[T, B, N\]",
        ),
        (
            lambda: integrate_and_fire([[[np.inf]]], snn.LIFParams(decay=1.0)),
            r"currents\[0, 0, 0\] must be finite",
        ),
        (lambda: integrate_and_fire([[[1.0]]], 0.5), "neuron must be a LIFParams, got 0.5"),
    ],
)
def test_bad_input_is_refused(encode, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        encode()


NEURON = snn.LIFParams(decay=0.5)
NAMES = {  # what else an argument makes impossible, or what it is called where it is short of memory
    "low": "low|high|values",
    "high": "high|values",
    "threshold": "threshold|spikes of so small",
    "fields": "fields|[0-9,]+ fields",
    "sound": r"sounds?\b|len\(sound",
    "neuron": "neuron|decay",
}
ODD = [
    ("signals", lambda v: delta(v, 1.0)),
    ("threshold", lambda v: delta([[[0.0]], [[2.0]]], v)),
    ("dt_ms", lambda v: delta([[[0.0]]], 1.0, dt_ms=v)),
    ("values", lambda v: receptive_fields(v, 4)),
    *(
        (name, lambda v, name=name: receptive_fields([[0.5]], **{"fields": 4, name: v}))
        for name in ("fields", "low", "high", "sharpness")
    ),
    ("n_steps", lambda v: population([[0.5]], 4, v)),
    ("least", lambda v: population([[0.5]], 4, 5, least=v)),
    ("currents", lambda v: integrate_and_fire(v, NEURON)),
    ("neuron", lambda v: integrate_and_fire([[[0.5]]], v)),
    ("sound", lambda v: cochlea(v, 16_000, channels=2)),
    ("channels", lambda v: cochlea([np.hanning(50)], 16_000, channels=v)),
    ("rate_hz", lambda v: cochlea([np.hanning(50)], v, channels=2)),
    ("seed", lambda v: cochlea([np.hanning(50)], 16_000, channels=2, seed=v)),
    *(
        (name, lambda v, name=name: MelFrontEnd(**{name: v}))
        for name in ("rate_hz", "window", "hop", "mels", "low_hz", "high_hz")
    ),
    ("sound", lambda v: MelFrontEnd()(v, 8000)),
]


@pytest.mark.parametrize(("name", "call"), ODD, ids=[f"{i}-{name}" for i, (name, _) in enumerate(ODD)])
@pytest.mark.filterwarnings("ignore:.*mel bands")
def test_odd_values_are_taken_or_refused_by_name(name, call):
    for what, value in ODD_VALUES:
        try:
            call(value)
        except (ValueError, TypeError, MemoryError) as error:
            assert re.match(NAMES.get(name, name), str(error)), f"{what}: {error!r}"


def test_spikes_that_do_not_fit_are_refused():
    with pytest.raises(MemoryError, match="^spikes of so small a threshold need about"):
        delta([[[0.0]], [[1.0]]], 1e-15)
