"""Instructions that numba's Python has no name for: masks of bits, and vectors of samples and of taps."""
