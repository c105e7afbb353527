"""Draw the energies of one ledger on several targets side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from snn.hardware.report.energy_sums import EnergySums
from snn.hardware.report.figure_style import DARK_BLUE, INK, ORANGE, SOFT, canvas, plain_text, quiet_axes
from snn.hardware.report.text import energy_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_targets(reports: Sequence[EnergySums]) -> Figure:
    """Draw the total of each report with its range, and compute-only where it is separate, on a log axis."""
    figure, axes = canvas(1.1 + 0.42 * len(reports))
    for i, report in enumerate(reports):
        total = report.total_per_inference
        axes.plot([total.low, total.high], [i, i], color=DARK_BLUE, lw=6, alpha=0.35, solid_capstyle="round")
        axes.plot([total.nominal], [i], "o", color=DARK_BLUE, ms=8)
        if report.splits_memory and report.compute_pj > 0:
            axes.plot([report.compute_pj_per_inference], [i], "|", color=ORANGE, ms=14, mew=3)
        axes.annotate(energy_text(total.nominal), (total.high, i), xytext=(9, 0), textcoords="offset points",
                      va="center", fontsize=9, color=INK)  # fmt: skip
    values = [x for r in reports for x in (r.total_per_inference.low, r.total_per_inference.high) if x > 0]
    values += [r.compute_pj_per_inference for r in reports if r.splits_memory and r.compute_pj > 0]
    axes.set_xscale("log")
    if values:
        axes.set_xlim(min(values) / 3, max(values) * 12)
    axes.set_yticks(range(len(reports)), [plain_text(report.target) for report in reports])
    axes.invert_yaxis()
    axes.set_xlabel("energy per inference (pJ; bar: range, dot: total, stroke: compute only)", color=SOFT)
    quiet_axes(axes)
    return figure
