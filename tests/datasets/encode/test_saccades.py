"""Simulated saccades: laws of an event camera, independence of the batch, and N-MNIST's own recordings."""

from __future__ import annotations

import re

import numpy as np
import pytest
from samples import SHARED
from scipy.ndimage import shift
from sklearn.linear_model import RidgeClassifier

from snn.datasets import FrameBinning, SaccadeCamera, camera_frames, saccade_images, saccades
from snn.datasets.encode.saccades import PATH
from snn.datasets.sets.images import load_images
from snn.datasets.sets.nmnist import SHAPE, load_nmnist

PLAIN = {"mismatch": 0.0, "gamma": 1.0, "blur_px": 0.0, "pause_ms": 1, "jitter_ms": 0.0, "noise": 0.0}


def digits(count=3, size=28):
    rng = np.random.default_rng(0)
    pixels = np.zeros((count, size, size), dtype=np.uint8)
    pixels[:, 6:-6, 6:-6] = rng.integers(0, 256, (count, size - 12, size - 12))
    return pixels


def light(image, ms):
    """What all pixels see after so many ms: the image in the middle of the sensor, moved along `PATH`."""
    frame = np.zeros((34, 34))
    top, left = (34 - image.shape[0]) // 2, (34 - image.shape[1]) // 2
    frame[top : top + image.shape[0], left : left + image.shape[1]] = image / 255
    right, down = (np.interp(ms, PATH[:, 0], PATH[:, axis]) for axis in (1, 2))
    return shift(frame, (down, right), order=1, prefilter=False)


def test_events_add_up_to_the_change_of_light():
    threshold, image = 0.2, digits(1)[0]
    (seen,) = saccades(image[None], camera=SaccadeCamera(threshold=threshold, **PLAIN))
    for ms in (60, 170, 308):  # after each saccade, and within one
        before = seen.time_us < 1000 * ms
        net = np.zeros((34, 34))
        np.add.at(net, (seen.y[before], seen.x[before]), 2 * seen.polarity[before] - 1)
        change = light(image, ms - 1) - light(image, 0)
        assert np.abs(threshold * net - change).max() < 2 * threshold + 1e-6
    assert (np.diff(seen.time_us) >= 0).all() and len(seen.time_us) > 1000


def test_there_are_as_many_events_as_light_goes_up_and_down():
    image, threshold = digits(1)[0], 0.05
    (seen,) = saccades(image[None], camera=SaccadeCamera(threshold=threshold, **PLAIN))
    steps = np.stack([light(image, ms) for ms in range(308)])
    rise, fall = (np.maximum(sign * np.diff(steps, axis=0), 0).sum() / threshold for sign in (1, -1))
    on = int(seen.polarity.sum())
    # at most one threshold more or less for every pixel that saw a change, and what one event a ms leaves behind
    changed = int((np.ptp(steps, axis=0) > 0).sum())
    assert 0.75 * rise - changed < on < rise + changed
    assert 0.75 * fall - changed < len(seen.polarity) - on < fall + changed


def test_nothing_happens_without_light_or_below_threshold():
    dark = saccades(np.zeros((1, 28, 28), np.uint8), camera=SaccadeCamera(noise=0.0))[0]
    assert dark.time_us.size == 0
    strict = SaccadeCamera(**{**PLAIN, "threshold": 51.0})
    assert saccades(digits(1), camera=strict)[0].time_us.size == 0
    noisy = saccades(np.zeros((40, 28, 28), np.uint8), camera=SaccadeCamera(noise=0.5))
    count = sum(len(one.time_us) for one in noisy) / (40 * 34 * 34)
    assert abs(count - 0.5) < 5 * np.sqrt(0.25 * 0.75 * 2 / (40 * 34 * 34))


def test_a_pixel_pauses_after_an_event():
    camera = SaccadeCamera(**{**PLAIN, "threshold": 0.05, "pause_ms": 7})
    (seen,) = saccades(digits(1), camera=camera)
    pixel = seen.y * 34 + seen.x
    order = np.lexsort((seen.time_us, pixel))
    same = np.diff(pixel[order]) == 0
    assert np.diff(seen.time_us[order])[same].min() == 7000


def test_a_sample_depends_on_its_number_and_seed_alone():
    images = digits(4)
    together = saccades(images, seed=3)
    alone = saccades(images[2:3], seed=3, samples=[2])[0]
    assert all(np.array_equal(a, b) for a, b in zip(together[2], alone, strict=True))
    for other in (saccades(images[2:3], seed=4, samples=[2]), saccades(images[2:3], seed=3, samples=[1])):
        assert not np.array_equal(other[0].time_us, alone.time_us)
    assert all(
        np.array_equal(a, b) for a, b in zip(saccades(images[:, None], seed=3)[0], together[0], strict=True)
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": 0.0}, "threshold must be a finite number > 0, got 0.0"),
        ({"mismatch": 1.0}, "mismatch must be a finite number >= 0 and < 1, got 1.0"),
        ({"gamma": 0}, "gamma must be a finite number > 0, got 0"),
        ({"blur_px": -1.0}, "blur_px must be a finite number >= 0 and <= 6, got -1.0"),
        ({"pause_ms": 0.5}, "pause_ms must be a whole number >= 1, got 0.5"),
        ({"jitter_ms": -1}, "jitter_ms must be a finite number >= 0, got -1"),
        ({"noise": 3}, "noise must be a finite number >= 0 and <= 2, got 3"),
    ],
)
def test_impossible_cameras_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        SaccadeCamera(**settings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"images": np.zeros((2, 28, 28))},
            r"images must be uint8 \[B, H, W\] of at most 34 x 34 pixels, got .*float64",
        ),
        ({"images": np.zeros((2, 35, 28), np.uint8)}, r"images must be uint8 .*, got .*\[2, 35, 28\]"),
        ({"seed": 0.5}, "seed must be a whole number, got 0.5"),
        ({"samples": [0]}, r"samples must be of shape \[1?2\], one for each sample"),
        ({"samples": [0, -1]}, r"samples\[1\] must be a whole number >= 0, got -1"),
        ({"camera": 1}, "camera must be a SaccadeCamera, got 1"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        saccades(**{"images": np.zeros((2, 28, 28), np.uint8), **arguments})


real = pytest.mark.skipif(not SHARED.is_dir(), reason="real data (../shared) are not here")


def figures(recordings, events):
    """Events, active pixels, ON share, and the mean time of the events of each of three bursts, ms."""
    pixels = np.unique(events.sample * 1156 + events.unit % 1156).size
    time, on = (
        np.concatenate([getattr(one, name) for one in recordings]) for name in ("time_us", "polarity")
    )
    bursts = [time[(time >= start) & (time < stop)].mean() / 1000 for start, stop in BURSTS]
    return np.array([events.n_events / len(events), pixels / len(events), on.mean(), *bursts])


BURSTS = ((0, 90_000), (105_000, 185_000), (225_000, 400_000))


@pytest.fixture(scope="module")
def both():
    """Every fourth real recording, and its image (of which a file has the number) filmed by the simulator."""
    train, test = load_nmnist(SHARED / "nmnist-small.zip", FrameBinning(10))
    images = load_images(SHARED / "mnist", 1)
    recordings, filmed, labels = [], [], []
    for recorded, still, first in zip((train, test), images, (0, 60_000), strict=True):
        recorded = recorded.subset(np.arange(0, len(recorded), 4))
        index = [int(re.search(r"(\d+)\.bin$", str(one))[1]) - 1 for one in recorded.files.sources]
        assert np.array_equal(still.labels[index], recorded.labels)
        filmed += saccades(still.pixels[index], samples=np.array(index) + first)
        labels.append(recorded.labels)
        recordings += [recorded.read_file(source) for source in recorded.files.sources]
    grid = (SHAPE, FrameBinning(10), 300.0)
    return (
        (recordings, camera_frames(recordings, *grid)),
        (filmed, camera_frames(filmed, *grid)),
        np.concatenate(labels),
    )


@real
def test_statistics_are_those_of_the_real_recordings(both):
    (recordings, events), (filmed, simulated), _ = both
    assert np.allclose(figures(filmed, simulated) / figures(recordings, events), 1, atol=0.1)
    counts = [np.diff(one.offsets) for one in (events, simulated)]
    assert abs(counts[1].std() / counts[0].std() - 1) < 0.1
    assert np.corrcoef(*counts)[0, 1] > 0.98
    rates = [
        np.bincount(np.concatenate([r.time_us for r in rows]) // 10_000, minlength=40)[:40]
        for rows in (recordings, filmed)
    ]
    assert np.corrcoef(*rates)[0, 1] > 0.98
    on_pixels = [
        np.bincount(one.sample * 1156 + one.unit % 1156, minlength=275 * 1156) for one in (events, simulated)
    ]
    assert np.corrcoef(*on_pixels)[0, 1] > 0.95


@real
def test_a_classifier_of_simulated_recordings_reads_real_ones(both):
    (_, events), _, labels = both
    train, _, _ = saccade_images(SHARED / "mnist", max_train=700, max_test=10, seed=1)

    def counts(spikes):
        found = np.zeros((len(spikes), spikes.n_units))
        np.add.at(found, (spikes.sample, spikes.unit), 1)
        return np.sqrt(found)

    # roots steady the spread of counts; the same classifier reaches 85 % when it is trained on real recordings
    model = RidgeClassifier(alpha=1000).fit(counts(train.events), train.labels)
    assert model.score(counts(events), labels) > 0.8
