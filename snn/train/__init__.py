"""Room: train."""
