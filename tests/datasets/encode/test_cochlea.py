"""The cochlea against the tool that made SHD, against quadrature and SciPy's functions, and at other rates."""

from __future__ import annotations

import numpy as np
import pytest
from samples import SHARED
from scipy import special
from scipy.integrate import quad
from scipy.signal import resample_poly
from sounds import glide

from snn.core import Events
from snn.datasets import cochlea, shd, write_shd
from snn.datasets.encode import cochlea as model
from snn.datasets.encode.cochlea_loops import excite, vibrate

SAMPLE = SHARED / "shd-sample"
GROUP = 70  # channels


def spectrum(places, hertz):
    """Velocity of the membrane for a pressure of 1 at the base, as `vibrate` has it."""
    omega = 2 * np.pi * np.asarray(hertz, float)
    velocity = np.zeros((len(places), 1 + len(omega)), np.complex64)[:, 1:]  # laid out as the encoder's
    vibrate(np.ones(len(omega), complex), omega, np.asarray(places, float), velocity)
    return velocity


def by_quadrature(place, hertz):
    """The same from the definitions: the phase as an integral, and SciPy's Hankel function."""
    omega, stiffness, mass = 2 * np.pi * hertz, 1e9, 0.05

    def impedance(x):
        damping = 0.15 * np.sqrt(stiffness * mass) * np.exp(-1.5 * x)
        return stiffness * np.exp(-3 * x) - 3500 - mass * omega**2 - 1j * omega * damping

    def wave(x):
        return omega * np.sqrt(1.0 / (0.1 * impedance(x)))

    def pressure(x):
        phase = 2 * wave(0.0) / 3 + quad(wave, 0, x, limit=300, complex_func=True)[0]
        return np.sqrt(phase / wave(x)) * special.hankel1(0, phase)

    return 2 * omega / impedance(place) * pressure(place) / pressure(0.0)


def test_the_membrane_moves_as_its_equations_say():
    places, hertz = (0.0, 0.6, 1.9, 3.3, 3.5), (30.0, 400.0, 3000.0)
    found = spectrum(places, hertz)
    for i, place in enumerate(places):
        for k, one in enumerate(hertz):
            wanted = by_quadrature(place, one)
            if abs(wanted) > 1e-5 * np.abs(found[:, k]).max():
                assert abs(found[i, k] - wanted) < 1e-6 * abs(wanted)
            else:  # where the wave is over
                assert abs(found[i, k]) < 2e-5 * np.abs(found[:, k]).max()


def test_high_tones_are_heard_at_the_base():
    for hertz in (500.0, 2000.0, 8000.0):
        events = cochlea([np.sin(2 * np.pi * hertz * np.arange(4800) / 48_000)], 48_000, channels=70)
        counts = events.spike_counts().reshape(-1)
        # stiffness = mass omega^2 is where the membrane resonates; the wave peaks just before
        resonance = np.log(1e9 / (0.05 * (2 * np.pi * hertz) ** 2 + 3500)) / 3 / 3.5 * 69
        peak = np.average(np.arange(70), weights=np.maximum(counts - counts.max() // 2, 0))
        assert resonance - 8 < peak < resonance


def test_fibres_fire_at_their_spontaneous_rate():
    """Without movement each of 40 fibres fires by a Bernoulli chance per step, with 1 ms of rest after a spike."""
    cleft_rate = 5.05 * 2000 * 5 / 305 / (2500 * 2000 * 5 / 305 + 5.05 * 9080) * 50_000
    chance = cleft_rate / 24_000
    steps, places = 24_000, 60
    current = np.empty((steps, places))
    excite(
        np.zeros((places, steps), np.float32), 24_000.0, np.arange(places, dtype=np.uint64) * 977 + 5, current
    )
    flow = current * 24_000 / 13_000 * 40
    fired = flow[1:] - flow[:-1] * np.exp(-1 / 12)
    assert np.abs(fired - np.rint(fired)).max() < 1e-9
    rate = fired.mean() / 40
    wanted = chance / (1 + 23 * chance)  # a renewal process: 1 / (mean wait + 23 steps of rest)
    assert abs(rate / wanted - 1) < 5 / np.sqrt(fired.sum())
    for lag in range(1, 24):  # rest is seen in what follows a spike: fewer by the share of those that rest
        paired = (np.rint(fired[:-lag]) * np.rint(fired[lag:])).mean()
        assert abs(paired / (40 * 39 * rate**2) - 1) < 0.1


@pytest.fixture(scope="module")
def word():
    soundfile = pytest.importorskip("soundfile", reason="no decoder of FLAC here")
    if not SAMPLE.is_dir():
        pytest.skip("the Heidelberg word is not here")
    return soundfile.read(SAMPLE / "spoken_digit.flac")


def histograms(time_s, channel):
    return np.histogram(channel, np.arange(0, 701, GROUP))[0], np.histogram(time_s, np.arange(0, 0.85, 0.1))[
        0
    ]


def test_a_heidelberg_word_at_any_rate(word):
    """The tool's own output, one draw of many: ours has as many spikes in every place and time, to their spread."""
    values, rate = word
    time, channel = np.load(SAMPLE / "lauscher_700ch_output.npz")["arr_0"]
    wanted = histograms(time, channel)
    low = resample_poly(values, 1, 6)
    for sound, own_rate in ((values, rate), (low, 8000)):
        events = cochlea([sound], own_rate)
        found = histograms(events.step / model.STEPS_PER_S, events.unit)
        assert events.n_steps.tolist() == [len(values) // 2]
        assert abs(events.n_events / time.size - 1) < 0.04  # 7 072 there; 7 199 and 7 246 here
        assert abs((events.step / model.STEPS_PER_S).mean() - time.mean()) < 0.004
        for ours, theirs in zip(found, wanted, strict=True):
            assert (np.abs(ours - theirs) < 5 * np.sqrt(theirs + 20)).all()


def test_a_sample_is_its_sound_its_number_and_the_seed(tmp_path):
    sounds = [glide(300, 900, 0.06), glide(900, 300, 0.04)]
    together = cochlea(sounds, 16_000, channels=35, seed=3)
    alone = cochlea([5.0 * sounds[1]], 16_000, channels=35, seed=3, samples=[1])
    assert together.select([1]) == alone and alone.n_events > 0
    assert cochlea(sounds[1:], 16_000, channels=35, seed=4, samples=[1]) != alone
    assert cochlea(sounds[1:], 16_000, channels=35, seed=3) != alone
    assert cochlea([np.append(sounds[1], 0)[:-1]], 16_000, channels=35, seed=3, samples=[1]) == alone
    for split in ("train", "test"):
        write_shd(tmp_path / f"{split}.h5", together, [0, 1], ["up", "down"], speakers=[4, 5])
    train, valid, test = shd(tmp_path, dt_ms=1.0, group=1, valid_fraction=0.5, split_by="speaker")
    assert (len(train), len(valid)) == (1, 1)
    assert test.classes == ("up", "down") and test.speakers.tolist() == [4, 5]
    parts = [together.select([b]) for b in (0, 1)]
    steps, units = [part.step // 24 for part in parts], [part.unit for part in parts]
    wanted = Events.from_lists(steps, units, n_units=700, dt_ms=1.0, n_steps=test.events.n_steps)
    assert wanted == test.events


@pytest.mark.parametrize(
    ("sounds", "rate", "message"),
    [
        ([], 16_000, r"sounds must be at least one list of numbers, got \[\]"),
        ([[]], 16_000, r"sounds\[0\] must be a list of at least 16 numbers, 1 ms"),
        ([np.ones(15)], 16_000, r"sounds\[0\] must be a list of at least 16 numbers, 1 ms"),
        ([np.ones((100, 2))], 16_000, r"sounds\[0\] must be a list of at least 16 numbers"),
        (np.ones(100), 16_000, r"sounds\[0\] must be a list of at least 16 numbers"),
        ([np.ones(100), [0.0, np.nan]], 16_000, r"sounds\[1\]\[1\] must be finite, got nan"),
        ([np.zeros(100)], 16_000, r"sounds\[0\] must be a sound, not silence"),
        ([np.ones(100)], 3999, "rate_hz must be a whole number >= 4000 and <= 384000, got 3999"),
        ([np.ones(100)], 1e6, "rate_hz must be a whole number >= 4000 and <= 384000, got 1000000.0"),
        ([np.ones(100)], 44_100.5, "rate_hz must be a whole number"),
    ],
)
def test_bad_sounds_are_refused(sounds, rate, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        cochlea(sounds, rate)


def test_other_bad_arguments_are_refused():
    sound = [glide(300, 900, 0.02)]
    with pytest.raises(ValueError, match="^channels must be a whole number >= 2 and <= 7000, got 1"):
        cochlea(sound, 16_000, channels=1)
    with pytest.raises(ValueError, match=r"^samples must be of shape \[1\]"):
        cochlea(sound, 16_000, samples=[1, 2])
    with pytest.warns(UserWarning, match=r"^sounds\[0\] is clipped .*, from \[\d+\] on"):
        cochlea([np.clip(sound[0], -0.3, 0.3)], 16_000, channels=2)


def test_what_the_layout_cannot_hold_is_not_written(tmp_path):
    events = cochlea([glide(300, 900, 0.03)], 16_000, channels=10)
    silent = events.slice(0, 1)
    for arguments, message in (
        ((silent, [0], ["a"]), r"spikes in sample 0 must be at least 1, got 0"),
        ((events, [1], ["a"]), r"labels\[0\] must be a whole number >= 0 and <= 0, got 1"),
        (
            (cochlea([glide(300, 900, 0.03)], 16_000, channels=701), [0], ["a"]),
            "events must be of at most 700 units",
        ),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            write_shd(tmp_path / "train.h5", *arguments)
    assert not list(tmp_path.iterdir())
