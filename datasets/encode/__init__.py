"""Images and recordings to spikes: rates and latencies, an event camera's saccades, crops and chunks."""
