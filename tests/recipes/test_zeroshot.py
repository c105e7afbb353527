"""`snn train zeroshot`: keys, controls, devices, both kinds of images, refusals."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from samples import write_idx, write_recordings, write_shd

import snn
from snn.cli import main
from snn.liquid import CommonSpace
from snn.recipes.zeroshot import run
from snn.recipes.zeroshot.config import ZeroShotConfig
from snn.recipes.zeroshot.halves import count_saved
from snn.recipes.zeroshot.senses import liquid, load_audio, load_images, load_samples
from snn.train import load, save

SMALL = ("--neurons", "30", "--relabelings", "3", "--epochs", "2", "--image-limit", "40", "--dims", "8")


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Images with a bar, and words with a burst, in a place that belongs to the class; four classes."""
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("sets")
    images, audio = root / "images", root / "audio"
    images.mkdir(), audio.mkdir()

    def bars(count):
        label = np.arange(count) % 4
        pixels = rng.integers(0, 30, (count, 28, 28))
        for image, one in zip(pixels, label, strict=True):
            image[6 + 4 * one : 10 + 4 * one, 6:22] = 255
        return pixels, label

    write_idx(images, bars(60), bars(20), packed=True)
    for split, count in (("train", 60), ("test", 20)):
        label = np.arange(count) % 4
        times = [np.sort(rng.uniform(0, 0.4, 150)) for _ in label]
        units = [rng.integers(0, 175, 150) + 175 * one for one in label]
        write_shd(audio / f"{split}.h5", times, units, label, classes=tuple("abcd"), time_type=np.float32)
    return images, audio


def results(out):
    return json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])


def test_a_run_leaves_its_result_and_its_projections(sets, tmp_path, capsys):
    images, audio = sets
    words = ["train", "zeroshot", "--images", str(images), "--audio", str(audio), "--unseen", "2", "3"]
    out = tmp_path / "out"
    assert main([*words, "--device-seed", "1", *SMALL, "--out", str(out)]) == 0
    found = results(out)
    shares = ("seen", "unseen", "chance", "random_projection", "shuffled", "shuffled_low", "shuffled_high")
    assert all(isinstance(found[name], float) for name in shares) and found["chance"] == 0.5
    assert all(0 <= found[name] <= 1 for name in shares[:5])
    assert found["shuffled_low"] <= found["shuffled"] <= found["shuffled_high"]
    assert found["split"] == {"seen": [0, 1], "unseen": [2, 3]}
    printed = capsys.readouterr().out
    assert "filmed by a simulated event camera" in printed and "99 % interval of the mean" in printed
    space = load(out / "model.safetensors")
    assert isinstance(space, CommonSpace) and space.config() == {
        "image_features": 30,
        "sound_features": 30,
        "dims": 8,
    }
    for half, path, steps in (("image", images, 50), ("audio", audio, 129)):
        check_half(out / f"{half}.safetensors", space, load_samples(settings_of(out))[half].test, steps)
        report = ["--samples", "3", "--data", str(path), "--out", str(tmp_path / "report.html")]
        assert main(["energy", str(out / f"{half}.safetensors"), *report]) == 0
    assert main(["energy", str(out / "model.safetensors")]) != 0
    assert "count each by itself: image.safetensors and audio.safetensors" in capsys.readouterr().err
    # the same settings give the same run; another device gives another
    for seed, same in (("1", True), ("2", False)):
        other = tmp_path / f"device{seed}"
        assert main([*words, "--device-seed", seed, *SMALL, "--out", str(other)]) == 0
        pair = [load(folder / "model.safetensors").image.weight for folder in (out, other)]
        assert torch.equal(*pair) is same
        assert (results(other) == found) is same


def settings_of(out):
    return ZeroShotConfig(**json.loads((out / "config.json").read_text())["config"])


def check_half(file, space, events, steps):
    """A half gives the points of the run's projection, and its counts are those of the event engine."""
    name, model = file.stem, load(file)
    given = events.select(range(3))
    out, _ = model(torch.tensor(given.to_raster().z, dtype=torch.float32), None, torch.tensor(given.n_steps))
    reservoir = liquid(name, events.n_units, events.dt_ms, settings_of(file.parent)).described
    features = torch.from_numpy(reservoir.run(given))
    layer = space.image if name == "image" else space.sound
    assert features.sum() > 0 and torch.allclose(out.sum(0), layer(features[None])[0][0], atol=1e-4)
    ledger, _ = count_saved(file, None, 3)
    by_events = snn.simulate(reservoir.network(events.dt_ms), {"in": given})
    assert ledger["linear1"].synaptic_events == by_events.counts.synaptic_events["in-liquid"]
    assert (ledger.samples, ledger.steps) == (3, 3 * steps)


def test_recordings_of_a_camera_are_taken_as_they_are(tmp_path):
    tree = write_recordings(tmp_path / "nmnist", train=8, test=2)
    made = load_images(str(tree), 40)
    assert sum(len(part) for part in made.train) == 80 and len(made.test) == 20
    assert np.bincount(made.test_label).tolist() == [2] * 10 and made.test.n_units == 256


def test_spikes_are_those_of_the_papers_inputs(sets):
    images, audio = (
        load(str(path), *more)
        for load, path, more in ((load_images, sets[0], (40,)), (load_audio, sets[1], ()))
    )
    assert (images.test.n_steps == 50).all() and images.test.n_units == 256
    assert (audio.test.n_steps == 129).all() and audio.test.n_units == 70
    assert len(audio.train_label) == 60 and sum(map(len, audio.train)) == 60
    for part in (*images.train, *audio.train):  # binary: a unit spikes once in a step
        assert len(np.unique(np.stack([part.sample, part.step, part.unit]), axis=1).T) == part.n_events


@pytest.mark.parametrize(
    ("weights", "voltage", "empty"), [("rram", 3.554, 0.021), ("rram", 3.323, 0.694), ("software", 3.5, 0)]
)
def test_liquids_have_the_spread_of_the_macro(weights, voltage, empty):
    """Published: 6.61 and 6.67 uS; both voltages give 6.6 with pairs that are open on both sides or not."""
    config = ZeroShotConfig(weights=weights, voltage=voltage, device_seed=3, image_scale=1.0, audio_scale=1.0)
    made = liquid("image", 256, 1.0, config).described
    assert abs(made.w_in.std() / 6.61 - 1) < 0.03 and abs(made.w_rec.std() / 6.67 - 1) < 0.03
    assert abs(made.w_in.mean()) < 0.15
    assert abs((made.w_in == 0).mean() - empty) < 0.02
    other = liquid("image", 256, 1.0, replace(config, device_seed=4)).described
    assert not np.array_equal(other.w_rec, made.w_rec)
    assert not np.array_equal(made.w_in[:200], made.w_rec)


def test_a_common_space_maps_as_its_projections_do():
    from snn.liquid.contrastive import random_projection

    x, y = torch.randn(9, 5), torch.randn(9, 7)
    rows, draw = torch.arange(9)[None], [torch.Generator().manual_seed(0)]
    image, sound = (random_projection(side, rows, 4, draw) for side in (x, y))
    points, state = CommonSpace.of(image, sound)(torch.cat([x, y], 1)[None])
    assert state == () and torch.allclose(points[0], torch.cat([image(x)[0], sound(y)[0]], 1), atol=1e-6)
    with pytest.raises(ValueError, match="CommonSpace"):
        CommonSpace.of(image, sound)(torch.zeros(1, 2, 11))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unseen": (8,)}, r"unseen must be at least 2 classes, each once, got \(8,\)"),
        ({"unseen": (8, 8)}, r"unseen must be at least 2 classes, each once, got \(8, 8\)"),
        ({"seen": (1,)}, r"seen must be at least 2 classes, each once, got \(1,\)"),
        ({"unseen": (8, -1)}, r"unseen\[1\] must be a whole number >= 0, got -1"),
        ({"weights": "pcm"}, "weights must be one of 'rram', 'software', got 'pcm'"),
        ({"voltage": 0}, "voltage must be a finite number > 0, got 0"),
        ({"relabelings": 1}, "relabelings must be a whole number >= 2, got 1"),
        ({"image_limit": 3}, "image_limit must be a whole number >= 30, got 3"),
        ({"images": ""}, "images must be a path, got ''"),
        ({"batch_size": 1}, "batch_size must be a whole number >= 2, got 1"),
        ({"lr": 0}, "lr must be a finite number > 0, got 0"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        ZeroShotConfig(**settings)


def test_impossible_runs_are_refused(sets, tmp_path):
    images, audio = map(str, sets)
    small = {"images": images, "audio": audio, "neurons": 5, "image_limit": 40}
    for settings, options, message in (
        ({}, {"init": "m"}, "init must be left out"),
        ({}, {"torch_device": "cuda"}, "torch_device must be one of 'cpu', got 'cuda'"),
        ({"audio": None}, {}, "audio must be the path of a set, got None"),
        ({"unseen": (2, 8)}, {}, "class 8 of unseen must be among training and test images, got 8"),
        ({"unseen": (2, 3), "seen": (1, 2)}, {}, "unseen classes must be none of the seen ones"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            run(ZeroShotConfig(**{**small, **settings}), tmp_path / message[:8], **options)
    # relabelings need so many pairs as well: one image of a class is no pair to hold out and one to learn from
    with pytest.raises(
        ValueError, match="^unseen classes must be at least 2|^seen classes must be at least 2"
    ):
        run(ZeroShotConfig(**small, unseen=(1, 2, 3)), tmp_path / "three")


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"sense": "smell"}, "sense must be one of 'image', 'audio', got 'smell'"),
        ({"sense": "image"}, "config must be the settings of the run, got None"),
        ({"sense": "image", "config": {"colour": 1}}, "field of config must be one of .*, got 'colour'"),
        ({"sense": "audio", "config": {}}, "audio must be the path of a set, got None"),
    ],
)
def test_a_half_that_does_not_say_what_it_is_is_refused(about, message, tmp_path):
    file = tmp_path / "half.safetensors"
    save(CommonSpace(2, 2, 2), file, {"recipe": "zeroshot", **about})
    with pytest.raises(ValueError, match=f"half.safetensors.*{message}"):
        count_saved(file, None, None)
