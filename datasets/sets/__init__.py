"""Named data sets, made from what the readers of `formats` give."""
