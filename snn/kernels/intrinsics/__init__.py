"""Instructions that numba's Python has no name for: bit words, and vectors of neighbouring numbers."""
