"""What tests of figures share."""

from __future__ import annotations

import io

NASTY = ("$", "$a_$", "_x^2", r"\$\frac{", "{%#", "\\", "naïve Ü", "a\nb")
"""Names that matplotlib would read as something else."""


def drawn(figure):
    """Render a figure, so that layout and text are really worked out."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=40)
    assert buffer.getbuffer().nbytes > 1000
    return figure.axes
