"""The mel front end against librosa, the published count of dark bands, and what it refuses."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sounds import glide

from snn.datasets import MelFrontEnd

PUBLISHED = {"window": 256, "high_hz": 14_000.0}
NOISE = np.random.default_rng(0).normal(0, 0.1, 4000)


@pytest.mark.parametrize(
    "settings", [{}, {"window": 200, "hop": 55, "mels": 20, "low_hz": 0.0, "high_hz": 3000.0}]
)
def test_power_is_that_of_librosa(settings):
    librosa = pytest.importorskip("librosa", reason="needs librosa")
    front_end = MelFrontEnd(**settings)
    theirs = librosa.feature.melspectrogram(
        y=NOISE,
        sr=8000,
        n_fft=front_end.window,
        hop_length=front_end.hop,
        n_mels=front_end.mels,
        fmin=front_end.low_hz,
        fmax=front_end.high_hz or 4000.0,
        htk=True,
        norm=None,
        pad_mode="reflect",
    )
    found = front_end(NOISE, 8000)
    assert found.shape == (1 + 4000 // front_end.hop, front_end.mels)
    assert np.abs(found - 10 * np.log10(theirs.T)).max() < 1e-4


def test_a_tone_is_in_its_band_at_any_rate():
    front_end = MelFrontEnd(mels=20)
    mel = 2595 * np.log10(1 + np.array([50.0, 1000.0, 4000.0]) / 700)
    band = round((mel[1] - mel[0]) / (mel[2] - mel[0]) * 21) - 1
    for rate in (8000, 16_000, 44_100):
        power = front_end(glide(1000, 1000, 0.2, rate), rate)
        assert len(power) == 1 + 1600 // 80 and (power.argmax(axis=1) == band).all()
        assert abs(power[10, band] - power[11, band]) < 0.1


def test_what_is_always_dark_is_said():
    """53 of 140 bands of the published front end lie above 4 kHz, half of the rate."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = MelFrontEnd()
    with pytest.warns(UserWarning, match="^53 of 140 mel bands lie above 4000 Hz, half of rate_hz"):
        published = MelFrontEnd(**PUBLISHED)
    with pytest.warns(UserWarning, match="^7 of 140 mel bands are narrower than a window of 256 values"):
        narrow = MelFrontEnd(window=256)
    for front_end, dark in ((whole, 0), (published, 53), (narrow, 7)):
        power = front_end(NOISE, 8000)
        assert (power == -100).all(axis=0).sum() == sum(front_end.dark_bands) == dark


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MelFrontEnd(rate_hz=0), "rate_hz must be a whole number >= 1000 and <= 384000, got 0"),
        (lambda: MelFrontEnd(window=1), "window must be a whole number >= 2 and <= 65536, got 1"),
        (lambda: MelFrontEnd(mels=0), "mels must be a whole number >= 1 and <= 1024, got 0"),
        (lambda: MelFrontEnd(high_hz=50.0), "high_hz must be a finite number > 50, got 50.0"),
        (lambda: MelFrontEnd(low_hz=4000.0), "low_hz must be below 4000, half of rate_hz, got 4000.0"),
        (lambda: MelFrontEnd()([[0.0]], 8000), r"sound must be a list of numbers, \[T\]"),
        (lambda: MelFrontEnd()([np.nan], 8000), r"sound\[0\] must be finite"),
        (
            lambda: MelFrontEnd()(NOISE[:256], 8000),
            r"len\(sound\) must be at least 257, half a window at 8000 Hz",
        ),
        (
            lambda: MelFrontEnd()(NOISE, 7999),
            "rate_hz must be at least 8000, for bands up to 4000 Hz, got 7999",
        ),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        make()
