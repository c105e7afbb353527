"""The differentiable hot loops: a readable torch reference beside each fast form."""

from __future__ import annotations

from snn.kernels.delay.dense import delayed_dense, one_hot_kernel
from snn.kernels.delay.fourier import delayed_spectral
from snn.kernels.delay.gauss_kernel import gauss_kernel, gauss_kernel_reference
from snn.kernels.delay.sparse import delayed, delayed_sparse
from snn.kernels.delay.split_delay import linear_kernel
from snn.kernels.delay.two_tap import delayed_linear, delayed_linear_reference
from snn.kernels.delay.whole_delays import delayed_events
from snn.kernels.gate import gate, gate_fused, gate_reference
from snn.kernels.hashed_dropout import (
    draw_key,
    hashed_dropout,
    hashed_dropout_fused,
    hashed_dropout_reference,
)
from snn.kernels.lif import lif, lif_fused, lif_reference, spike
from snn.kernels.lif_options import LIFOptions
from snn.kernels.memory import empty_cache
from snn.kernels.recurrent_lif import recurrent_lif, recurrent_lif_fused, recurrent_lif_reference
from snn.kernels.squared_relu import squared_relu, squared_relu_fused, squared_relu_reference
from snn.kernels.step_local import is_local, learning_steps, local_in_time
from snn.kernels.surrogate import DEFAULT_ALPHA, Surrogate
from snn.kernels.token_shift import token_shift, token_shift_fused, token_shift_reference
from snn.kernels.wkv import WKVState, wkv, wkv_fused, wkv_reference

__all__ = [
    "DEFAULT_ALPHA",
    "LIFOptions",
    "Surrogate",
    "WKVState",
    "delayed",
    "delayed_dense",
    "delayed_events",
    "delayed_linear",
    "delayed_linear_reference",
    "delayed_sparse",
    "delayed_spectral",
    "draw_key",
    "empty_cache",
    "gate",
    "gate_fused",
    "gate_reference",
    "gauss_kernel",
    "gauss_kernel_reference",
    "hashed_dropout",
    "hashed_dropout_fused",
    "hashed_dropout_reference",
    "is_local",
    "learning_steps",
    "lif",
    "lif_fused",
    "lif_reference",
    "linear_kernel",
    "local_in_time",
    "one_hot_kernel",
    "recurrent_lif",
    "recurrent_lif_fused",
    "recurrent_lif_reference",
    "spike",
    "squared_relu",
    "squared_relu_fused",
    "squared_relu_reference",
    "token_shift",
    "token_shift_fused",
    "token_shift_reference",
    "wkv",
    "wkv_fused",
    "wkv_reference",
]
