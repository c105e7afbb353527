"""Bytes of a file to checked columns: one reader for each layout."""
