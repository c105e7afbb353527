"""Keep plain values in HDF5: whole or not at all, exactly as they were."""
