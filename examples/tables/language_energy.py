"""What language models compute for a token, counted, beside a transformer of as many weights.

    python examples/tables/language_energy.py MODEL.safetensors ... [--samples 4] [--published] [--write]

Models are those of `snn train text`, counted on windows of their test text. `--published` adds SpikeGPT's two
sizes, fresh, on 16 random tokens: real numbers reach all of their weights, whatever the weights are. `--write` puts
the section into examples/results/language.md. Prices are those of 32-bit floats at 45 nm, as in SpikeGPT's account.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

import snn
from snn.hardware import ELEMENTWISE, Ledger, count, estimate
from snn.language import SIZES, SpikeGPT, transformer_ledger
from snn.recipes.text.counts import count_text

RESULTS = Path(__file__).parents[1] / "results" / "language.md"
MARKS = "<!-- energy: written by language_energy.py -->", "<!-- end of energy -->"
CONTEXTS = (256, 1024, 3072)
MAC_PJ, ADD_PJ = 4.6, 0.9


@dataclass(frozen=True)
class Counted:
    """A model, and what it did."""

    name: str
    model: SpikeGPT
    ledger: Ledger

    @property
    def matrices(self) -> list[snn.hardware.LayerCounts]:
        """Rows of weights that are multiplied, the head among them; an embedding is looked up."""
        return [row for row in self.ledger if row.dense_weights and row.pre != "in"]

    @property
    def rate(self) -> float:
        """Spikes a neuron and token."""
        updates = self.ledger.total("updates_dense")
        return self.ledger.total("output_spikes") / updates if updates else 0.0

    def share(self, *, head: bool) -> float:
        """Share of the weights whose inputs are spikes."""
        rows = [row for row in self.matrices if head or not row.name.endswith("head")]
        spiking = sum(row.dense_weights or 0 for row in rows if row.values == "counts")
        return spiking / sum(row.dense_weights or 0 for row in rows)


def arithmetic_pj(ledger: Ledger) -> float:
    """Price synapses, neurons and what is computed element by element, pJ a token, without memory."""
    report = estimate(ledger, "horowitz45_fp32")
    return (report.compute_pj + report.neuron_pj) / ledger.steps


def total_pj(ledger: Ledger) -> float:
    """The same with memory."""
    return estimate(ledger, "horowitz45_fp32").total_pj / ledger.steps


def counted(options: argparse.Namespace) -> Iterator[Counted]:
    """Count all models that are asked for."""
    for file in options.models:
        ledger, text = count_text(file, None, options.samples)
        model = snn.train.load(file)
        assert isinstance(model, SpikeGPT)
        name = f"{model.config()['variant']}, L{model.layers} d{model.width}, on {text}"
        yield Counted(name, model, ledger)
    for size in SIZES if options.published else ():
        torch.manual_seed(0)
        vocab, layers, width = (SIZES[size][name] for name in ("vocab", "layers", "width"))
        model = SpikeGPT(vocab, layers, width, initial="torch").eval()
        tokens = torch.randint(0, model.vocab, (16, 1))
        yield Counted(f"spike_after, {size}, fresh", model, count(model, tokens))


def lines(found: Counted) -> tuple[str, str]:
    """Write a model's line of the table of counts, and of that of energies."""
    ledger, model = found.ledger, found.model
    a_token = [sum(getattr(row, n) for row in found.matrices) for n in ("acs", "macs", "dense_macs")]
    a_token += [ledger.total(field) for field in ELEMENTWISE]
    counts = " | ".join(f"{n / ledger.steps:,.0f}" for n in a_token)
    shares = f"{found.share(head=False):.1%} | {found.share(head=True):.1%}"
    mine = arithmetic_pj(ledger), total_pj(ledger)
    others = [transformer_ledger(model.vocab, model.layers, model.width, n) for n in CONTEXTS]
    ratios = [f"{arithmetic_pj(o) / mine[0]:.2f} / {total_pj(o) / mine[1]:.2f}" for o in others]
    declared = f"{MAC_PJ / (ADD_PJ * found.rate):.1f}" if found.rate else "-"
    energies = f"{mine[0] / 1e6:.3g} | {mine[1] / 1e6:.3g} | {' | '.join(ratios)} | {declared}"
    return f"| {found.name} | {found.rate:.1%} | {shares} | {counts} |", f"| {found.name} | {energies} |"


def section(models: list[Counted]) -> str:
    """Write the section."""
    both = [lines(found) for found in models]
    contexts = " | ".join(f"at {n} tokens" for n in CONTEXTS)
    elements = " | ".join(field.replace("_", " ") for field in ELEMENTWISE)
    return f"""
What is computed for a token. A weight sees spikes where neurons stand ahead of it; where they stand behind, as in
the paper, its inputs are real numbers (normalised, shifted, gated), and every weight is multiplied, but for zeros
behind the squared rectifier, which count as passed over; "dense" multiplies these too.

| model | firing | block weights that see spikes | with the head | adds | multiply-adds | dense | {elements} |
|---|---|---|---|---|---|---|{"---|" * len(ELEMENTWISE)}
{chr(10).join(line for line, _ in both)}

Energy, and how many times as much a transformer of as many weights takes (arithmetic / with memory), its keys and
values kept and not charged; nothing of it is passed over. Divisions, exponentials and square roots have no price on
either side. The last column is what the convention of the published account gives at the firing rate measured here:
all multiply-accumulates of the blocks priced as adds times the rate, {MAC_PJ} / ({ADD_PJ} x rate).

| model | arithmetic, µJ | with memory, µJ | {contexts} | by the published convention |
|---|---|---|{"---|" * len(CONTEXTS)}---|
{chr(10).join(line for _, line in both)}

The published ratio of 32.2 is what that convention gives at a rate of {MAC_PJ / (ADD_PJ * 32.2):.0%}. It takes the
weights to see the spikes. With neurons behind them no weight does, and what is left of the ratio is what the
recurrence saves of attention.
"""


def main() -> None:
    """Count, price, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--published", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = section(list(counted(options)))
    print(text)
    if options.write:
        page = RESULTS.read_text(encoding="utf-8")
        before, rest = page.split(MARKS[0])
        RESULTS.write_text(
            f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{rest.split(MARKS[1])[1]}", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
