"""Tests; a package only so that `python -m tests.fuzz` is ours: badcrossbar 1.1.0 installs another of this name."""
