"""Every pair of unseen digits on many devices: the table of examples/results/zeroshot.md.

    python examples/tables/zero_shot_table.py --images PATH --audio PATH [--devices 5] --json FILE

Nothing is chosen by unseen classes. A line of FILE is what one device came to; those that are there are kept.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from snn.liquid import ContrastiveConfig, Split, all_splits, zero_shot
from snn.recipes.zeroshot.config import ZeroShotConfig
from snn.recipes.zeroshot.senses import load_samples, through_liquids

PAPER = Split(tuple(range(1, 8)), (8, 9))
COMPARISONS = {
    "normalised": ContrastiveConfig(epochs=10, batch_size=64, lr=3e-3, normalised=True, temperature=0.1),
    "dot": ContrastiveConfig(epochs=10, batch_size=64, lr=3e-3),
}


def measure(config: ZeroShotConfig, samples: dict, comparison: str) -> dict:
    """Run one device: all 45 pairs without the trained controls, and the paper's split with them."""
    image, sound = through_liquids(config, samples, lambda line: print(line, flush=True))
    how = COMPARISONS[comparison]
    found = zero_shot(image, sound, all_splits(image.classes), how, relabelings=0)
    (paper,) = zero_shot(image, sound, [PAPER], how, relabelings=20)
    keys = ("seen", "unseen", "valid", "random_projection", "shuffled", "shuffled_low", "shuffled_high")
    return {
        "pairs": [
            {"unseen": r.split.unseen, "share": r.unseen, "seen": r.seen, "valid": r.valid} for r in found
        ],
        "paper": {name: getattr(paper, name) for name in keys},
    }


def report(lines: list[dict]) -> None:
    """Print a row per setting: means over devices of means over pairs, with the spread over devices and pairs."""
    for name in dict.fromkeys(line["name"] for line in lines):
        own = [line for line in lines if line["name"] == name]
        share, seen = (
            np.array([[pair[key] for pair in line["pairs"]] for line in own]) for key in ("share", "seen")
        )
        paper = {key: np.array([line["paper"][key] for line in own]) for key in own[0]["paper"]}
        controls = ", ".join(f"{key} {value.mean():.3f}" for key, value in paper.items())
        print(
            f"{name}, {len(own)} devices: seen {seen.mean():.3f}; unseen {share.mean():.3f}, s.d. of devices "
            f"{share.mean(1).std(ddof=1) if len(own) > 1 else 0:.3f}, of pairs {share.mean(0).std(ddof=1):.3f}, "
            f"best of all {share.max():.3f}, worst {share.min():.3f}\n  paper's split: {controls}; by device "
            f"{np.round(paper['unseen'], 3).tolist()}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", required=True)
    parser.add_argument("--audio", required=True)
    parser.add_argument("--devices", type=int, default=5)
    parser.add_argument("--weights", choices=("rram", "software"), default="rram")
    parser.add_argument("--voltage", type=float, default=3.554)
    parser.add_argument("--read-noise", action="store_true", help="read arrays with noise, far slower")
    parser.add_argument("--comparison", choices=tuple(COMPARISONS), default="normalised")
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    lines = (
        [json.loads(line) for line in options.json.read_text().splitlines()] if options.json.exists() else []
    )
    samples = None
    for device in range(options.devices):
        given = {"weights": options.weights, "voltage": options.voltage, "device_seed": device}
        given["read_noise"] = options.read_noise
        config = ZeroShotConfig(images=options.images, audio=options.audio, **given)
        samples = samples or load_samples(config)
        noise = ", read noise" if options.read_noise else ""
        volts = f" {options.voltage} V{noise}" if options.weights == "rram" else ""
        name = f"{samples['image'].name}, {options.weights}{volts}, {options.comparison}"
        if any(line["name"] == name and line["device"] == device for line in lines):
            continue
        lines.append({"name": name, "device": device, **measure(config, samples, options.comparison)})
        options.json.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report(lines)


if __name__ == "__main__":
    main()
