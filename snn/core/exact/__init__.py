"""The engine off the grid: exact flow between events, and the time of every threshold crossing."""
