"""Energy of a network from another library: count it, price it on many machines, sweep it.

    python examples/06_energy_report.py [--out runs/energy] [--updates 60]

A SpikingJelly network learns to tell in which quadrant of an event camera's view a spot flickers (synthetic data).
"""

from __future__ import annotations

import argparse
import dataclasses
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snn.hardware import compare, count_steps, estimate, find_target, rerun, sweep

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from spikingjelly.activation_based import functional, layer, neuron, surrogate

OTHERS = (
    "horowitz45_int8_hierarchy",
    "loihi1",
    "loihi1_board",
    "truenorth",
    "gpu_a100_int8",
    "ann_int8_once",
)


def fires() -> nn.Module:
    return neuron.LIFNode(surrogate_function=surrogate.ATan(), detach_reset=True)


def stage(n_in: int, n_out: int, stride: int) -> tuple[nn.Module, ...]:
    return layer.Conv2d(n_in, n_out, 3, stride, padding=1), layer.BatchNorm2d(n_out), fires()


def flicker(samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Make events [10, B, 1, 16, 16]: noise, and a spot of 3 x 3 in one quadrant; and the quadrants [B]."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.randint(4, (samples,), generator=generator)
    rate = torch.full((samples, 1, 16, 16), 0.04)
    for b, (dy, dx) in enumerate(torch.randint(5, (samples, 2), generator=generator).tolist()):
        y, x = dy + 8 * (int(label[b]) // 2), dx + 8 * (int(label[b]) % 2)
        rate[b, 0, y : y + 3, x : x + 3] = 0.25
    return (torch.rand(10, *rate.shape, generator=generator) < rate).float(), label


def train(updates: int) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(*stage(1, 8, 1), *stage(8, 16, 2), layer.Flatten(), layer.Linear(1024, 4), fires())
    functional.set_step_mode(model, "m")
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for update in range(updates):
        x, label = flicker(64, seed=1000 + update)
        loss = nn.functional.cross_entropy(model(x).sum(0), label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        functional.reset_net(model)
    return model


def accuracy(model: nn.Module, x: Tensor, label: Tensor) -> float:
    with torch.no_grad():
        votes = model.eval()(x).sum(0)
    functional.reset_net(model)
    return float((votes.argmax(1) == label).float().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/energy"))
    parser.add_argument("--updates", type=int, default=60)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    model = train(options.updates)
    x, label = flicker(100, seed=0)
    print(f"accuracy {accuracy(model, x, label):.0%}")

    # 1. count: integers per layer, time step and sample
    steps = count_steps(model, x)
    for row in steps:
        print(
            f"layer {row.name}: {row.values} input, events per step {row['synaptic_events'].sum(1).tolist()}"
        )

    # 2. price: one report in full, and the same counts on other machines
    report = estimate(steps.ledger(), "horowitz45_int8")
    print(f"\n{report.table()}\n{compare(report.ledger, OTHERS).table()}")
    report.to_html(options.out / "report.html", title="Quadrants", compare=OTHERS)
    for name, write in (("csv", report.to_csv), ("md", report.to_markdown), ("json", report.to_json)):
        write(options.out / f"report.{name}")
    print("the saved report runs again bit for bit:", rerun(options.out / "report.json") == report)

    # 3. sweep: time steps and clocked or lazy neurons against energy, kept on disk and taken up from there
    def measure(config: dict[str, Any], seed: int) -> dict[str, float]:
        x, label = (part[: config["steps"]] if part.dim() > 1 else part for part in flicker(50, seed))
        core = dataclasses.replace(find_target("horowitz45_int8"), neuron_updates=config["updates"])
        energy = estimate(count_steps(model, x).ledger(), core).total_pj_per_inference
        return {"energy_pj": energy, "accuracy": accuracy(model, x, label)}

    grid = {"steps": [2, 3, 5, 10], "updates": ["dense", "touched"]}
    found = sweep(measure, grid, seeds=(1, 2, 3), path=options.out / f"sweep_{options.updates}.jsonl")
    for point in found.pareto("energy_pj", "accuracy"):
        print(
            f"{dict(point.config)}: {point.mean['energy_pj'] / 1e3:.0f} nJ, accuracy {point.mean['accuracy']:.0%}"
        )
    found.plot("energy_pj", "accuracy").savefig(options.out / "sweep.png", dpi=120)


if __name__ == "__main__":
    main()
