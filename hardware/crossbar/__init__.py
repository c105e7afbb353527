"""Devices, wires and converters of resistive arrays, and models that run on them."""
