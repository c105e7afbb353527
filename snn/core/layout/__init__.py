"""Turn the description of a network into the flat arrays that the compiled loops read."""
