"""Which picture goes with a spoken digit whose class no pair ever showed? Two frozen liquids, one projection each.

    python examples/10_zero_shot.py [--neurons 200] [--splits 9] [--seed 0]

Pictures are seven-segment digits, moved, filmed by a simulated event camera in three saccades; sounds are the
embedded synthetic words. Liquids never learn. The last line says whether more than the seen classes was learned.
"""

from __future__ import annotations

import argparse

import numpy as np

import snn
from snn.liquid import ContrastiveConfig, Reservoir, Sense, all_splits, harvest, mean_interval, zero_shot

SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
PLACES = {  # rows and columns of each segment in 20 x 12 pixels
    "a": (0, 3, 0, 12),
    "b": (0, 11, 9, 12),
    "c": (9, 20, 9, 12),
    "d": (17, 20, 0, 12),
    "e": (9, 20, 0, 3),
    "f": (0, 11, 0, 3),
    "g": (8, 11, 0, 12),
}


def pictures(label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw digits of 28 x 28 pixels, each moved by up to 2 and with a brightness of its own for every segment."""
    drawn = np.zeros((len(label), 28, 28), dtype=np.uint8)
    for image, digit in zip(drawn, label, strict=True):
        row, column = 4 + rng.integers(-2, 3), 8 + rng.integers(-2, 3)
        for name in SEGMENTS[digit]:
            top, bottom, left, right = PLACES[name]
            image[row + top : row + bottom, column + left : column + right] = rng.integers(120, 256)
    return drawn


def seen_by_camera(label: np.ndarray, seed: int) -> snn.Events:
    """Film pictures; keep the middle 16 x 16 pixels where light rose, in 50 frames."""
    recordings = snn.datasets.saccades(pictures(label, np.random.default_rng(seed)), seed=seed)
    frames = snn.datasets.camera_frames(recordings, (2, 34, 34), snn.datasets.FrameBinning(50), 300.0)
    return snn.datasets.centre_crop(frames, (2, 34, 34))


def liquid(n_in: int, size: int, scale: float, seed: int, **neuron: float) -> Reservoir:
    """Dense random weights, as resistive memory has them by chance."""
    rng = np.random.default_rng(seed)
    w_in, w_rec = (scale * 6.64 * rng.normal(size=(n, size)) for n in (n_in, size))
    params = snn.LIFParams(input_scale=1.0, reset="hard_next_step", fires=">", **neuron)
    return Reservoir(w_in, w_rec, params)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--neurons", type=int, default=200)
    parser.add_argument("--splits", type=int, default=9)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    # 1. two sets of samples: digits that are seen, and the same digits heard
    train, valid, test = snn.datasets.shd(dt_ms=4.0, group=10)
    heard = {"train": [train, valid], "test": [test]}
    words = {
        name: [part.subset(np.flatnonzero(part.labels < 10)) for part in parts]
        for name, parts in heard.items()
    }
    eye = liquid(256, options.neurons, 0.07, options.seed, decay=0.9, v_th=5.0)
    ear = liquid(70, options.neurons, 0.08, options.seed + 1, decay=0.97, v_th=5.3)

    # 2. what the liquids make of them: spikes of each neuron, counted
    found = {}
    for i, (name, parts) in enumerate(words.items()):
        label = np.concatenate([part.labels for part in parts])
        sounds = [harvest(ear, snn.datasets.chunk(part.events, 129)) for part in parts]
        shown = np.tile(np.arange(10), 24 if name == "train" else 12)
        images = harvest(eye, seen_by_camera(shown, 2 * options.seed + i))
        found[name] = (images, shown, np.concatenate(sounds), label)
        print(f"{name}: {len(shown)} pictures, {len(label)} words")
    image = Sense(*(part for name in found for part in found[name][:2]))
    sound = Sense(*(part for name in found for part in found[name][2:]))

    # 3. train on pairs of eight digits, ask for the other two; every ninth of 45 choices, or as many as asked for
    splits = all_splits(range(10))[:: max(1, 45 // options.splits)][: options.splits]
    config = ContrastiveConfig(epochs=20, batch_size=32, lr=3e-3, normalised=True, temperature=0.1)
    results = zero_shot(image, sound, splits, config, relabelings=4)
    for r in results:
        print(
            f"unseen {r.split.unseen}: seen {r.seen:.0%} (chance {1 / len(r.split.seen):.0%}), "
            f"unseen {r.unseen:.0%} (chance {r.chance:.0%}), random projection {r.random_projection:.0%}, "
            f"shuffled {r.shuffled:.0%}"
        )
    mean, low, high = np.mean([r.unseen for r in results]), *mean_interval([r.unseen for r in results])
    print(
        f"mean over {len(results)} choices: seen {np.mean([r.seen for r in results]):.1%}, unseen {mean:.1%}"
    )
    verdict = "above chance" if low > 0.5 else "no different from chance"
    print(f"unseen digits are {verdict}: 99 % interval of the mean {low:.1%} to {high:.1%}")


if __name__ == "__main__":
    main()
