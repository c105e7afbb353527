"""How the event loop chooses among forms of equal results."""

from __future__ import annotations

from typing import NamedTuple

from snn.core.layout.projection_arrays import DEFAULT, Forms


class EventOptions(NamedTuple):
    """Say how the event loop works; results do not depend on it, and the defaults are measured.

    Not an option of `simulate`: nobody needs it but the tests that show the equality.

    Attributes:
        forms: How projections are laid out.
        sparse: Arrivals per receiver under which they are delivered one by one.
        lazy: Let neurons sleep always, never, or where it pays (None).
    """

    forms: Forms = DEFAULT
    sparse: float = 0.125
    lazy: bool | None = None
