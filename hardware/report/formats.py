"""Write an energy report as text, JSON values, CSV and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from snn.hardware.report.energy_sums import EnergySums
from snn.hardware.report.text import aligned, energy_text, range_text, time_text
from snn.hardware.targets.constant import Constant, Range
from snn.hardware.targets.target import CATEGORIES

SCHEMA, VERSION = "snn.energy_report", 2


def energy_cells(sums: EnergySums) -> tuple[list[str], list[list[str]]]:
    """Write the layer names, and a line of energies per component with the total last, per inference."""
    samples = sums.ledger.samples
    layers = [row.name for row in sums.ledger]
    lines = []
    for name in (*sums.components, None):
        energies = [sums.energy_pj(layer=layer, component=name) for layer in (*layers, None)]
        lines.append([name or "total", *(energy_text(pj / samples) for pj in energies)])
    return layers, lines


def summary_lines(sums: EnergySums) -> list[tuple[str, str]]:
    """List the main numbers, compute-only and memory-inclusive side by side, per inference."""
    compute = energy_text(sums.compute_pj_per_inference) if sums.splits_memory else "not separable"
    latency = sums.latency_us_per_inference
    lines = [
        ("compute only", compute),
        ("total, memory included", range_text(sums.total_per_inference, energy_text)),
        ("without a spike", range_text(sums.idle / sums.ledger.samples, energy_text)),
        ("latency", "not modelled" if latency is None else range_text(latency, time_text)),
        ("kind of the prices", ", ".join(sums.kinds) + (" (a mixture)" if len(sums.kinds) > 1 else "")),
        ("spikes per synapse per inference", f"{sums.ledger.spikes_per_synapse:.3g}"),
    ]
    for line in sums.break_evens:
        ends = f"{line.low:g}" + (f" to {line.high:g}" if line.high > line.low else "")
        lines.append((f"published break-even, {line.name}", ends))
    return lines


BASELINE_HEADER = ("baseline", "its compute only", "its total", "total / total", "compute / compute")


def baseline_cells(sums: EnergySums) -> list[list[str]]:
    """Write one line per baseline: its energies, and the network over it."""
    return [
        [
            item.baseline.title,
            energy_text(item.baseline.compute_pj),
            energy_text(item.baseline.total_pj),
            f"{item.total_ratio:.3g}",
            "-" if item.compute_ratio is None else f"{item.compute_ratio:.3g}",
        ]
        for item in sums.comparisons()
    ]


def table(sums: EnergySums) -> str:
    """Lay out a report as aligned text."""
    layers, cells = energy_cells(sums)
    parts = [
        f"{sums.title}\nper inference, mean of {sums.ledger.samples} samples",
        aligned(["component", *layers, "all layers"], cells),
        "\n".join(f"{name}: {value}" for name, value in summary_lines(sums)),
        aligned(BASELINE_HEADER, baseline_cells(sums)),
    ]
    return "\n\n".join(parts) + "\n"


def to_csv(sums: EnergySums) -> str:
    """Write one line per layer and component; energies over the whole ledger."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "layer",
            "component",
            "category",
            "count",
            *(f"price_{end}" for end in _ENDS),
            *(f"energy_{end}" for end in _ENDS),
        ]
    )
    for row in sums.rows:
        writer.writerow(
            [row.layer, row.component, row.category, row.count, *_ends(row.price), *_ends(row.range)]
        )
    return text.getvalue()


_ENDS = ("low_pj", "pj", "high_pj")


def _ends(value: Range) -> tuple[float, float, float]:
    return value.low, value.nominal, value.high


def to_markdown(sums: EnergySums) -> str:
    """Write a report with its assumptions, constants and sources."""
    layers, cells = energy_cells(sums)
    parts = [
        f"# Energy: {sums.title}",
        f"Per inference, mean of {sums.ledger.samples} samples. "
        "Estimated from published constants and exact counts.",
        markdown_table(("what", "value"), summary_lines(sums)),
        "## Energy by layer and component",
        markdown_table(("component", *layers, "all layers"), cells),
        "## Ratios, each with its baseline",
        markdown_table(BASELINE_HEADER, baseline_cells(sums)),
    ]
    buffers = sums.delay_buffers()
    if buffers:
        lines = [
            (
                b.layer,
                f"{b.depth} x {b.width} x {b.bits}",
                f"{b.size_bytes:,}",
                f"{b.reads:g}",
                f"{b.writes:g}",
            )
            for b in buffers
        ]
        shape = ("layer", "depth x width x bits", "bytes", "reads", "writes")
        parts += ["## Delay buffers", markdown_table(shape, lines)]
    constants = [
        (x.name, f"{x.value:g}", f"{x.low:g} to {x.high:g}", x.unit, x.node, x.kind, x.includes, source_of(x))
        for x in sums.constants
    ]
    header = ("name", "value", "range", "unit", "node", "kind", "includes", "source")
    parts += [
        "## Assumptions",
        "\n".join(f"- {text}" for text in sums.assumptions),
        "## Constants and sources",
        markdown_table(header, constants),
        "## Break-even lines",
        markdown_table(
            ("line", "low", "high", "note", "source"),
            [(b.name, f"{b.low:g}", f"{b.high:g}", b.note, b.source) for b in sums.break_evens],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def source_of(constant: Constant) -> str:
    """Write where a constant and its range come from."""
    return constant.source + (f"; range: {constant.range_source}" if constant.range_source else "")


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out plain cells as a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def to_dict(sums: EnergySums) -> dict[str, Any]:
    """Give a report as plain JSON values."""
    energy = {f"{name}_pj": sums.energy_pj(category=name) for name in CATEGORIES}
    latency = sums.latency_us_per_inference
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "target": sums.target,
        "title": sums.title,
        "splits_memory": sums.splits_memory,
        "samples": sums.ledger.samples,
        **energy,
        "total_pj": sums.total_pj,
        "total_range_pj": asdict(sums.energy()),
        "idle_range_pj": asdict(sums.idle),
        "total_pj_per_inference": sums.total_pj_per_inference,
        "compute_pj_per_inference": sums.compute_pj_per_inference,
        "latency_us_per_inference": None if latency is None else asdict(latency),
        "kinds": list(sums.kinds),
        "spikes_per_synapse_per_inference": sums.ledger.spikes_per_synapse,
        "rows": [{**asdict(row), "pj": row.pj} for row in sums.rows],
        "baselines": [{**asdict(b), "total_pj": b.total_pj} for b in sums.baselines],
        "comparisons": [
            {
                "baseline": item.baseline.name,
                "total_ratio": item.total_ratio,
                "compute_ratio": item.compute_ratio,
            }
            for item in sums.comparisons()
        ],
        "delay_buffers": [asdict(buffer) for buffer in sums.delay_buffers()],
        "break_evens": [asdict(line) for line in sums.break_evens],
        "assumptions": list(sums.assumptions),
        "constants": [constant.to_dict() for constant in sums.constants],
        "ledger": sums.ledger.to_dict(),
    }
