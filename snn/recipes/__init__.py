"""Room: recipes."""
