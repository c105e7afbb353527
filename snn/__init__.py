"""Spiking networks: one description, three readings that agree."""
