"""The differentiable hot loops: a readable torch reference beside each fast form."""

from __future__ import annotations

from snn.kernels.delay import (
    delayed_dense,
    delayed_events,
    delayed_spectral,
    gauss_kernel,
    gauss_kernel_reference,
    one_hot_kernel,
)
from snn.kernels.lif import LIFOptions, lif, lif_fused, lif_reference
from snn.kernels.surrogate import DEFAULT_ALPHA, Surrogate

__all__ = [
    "DEFAULT_ALPHA",
    "LIFOptions",
    "Surrogate",
    "delayed_dense",
    "delayed_events",
    "delayed_spectral",
    "gauss_kernel",
    "gauss_kernel_reference",
    "lif",
    "lif_fused",
    "lif_reference",
    "one_hot_kernel",
]
