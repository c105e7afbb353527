"""To spikes: numbers, signals, sound through a cochlea, images in saccades; and what shapes recordings or sound."""
