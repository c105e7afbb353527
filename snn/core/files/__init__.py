"""Keep what the core knows in HDF5: whole or not at all, exactly as it was."""
