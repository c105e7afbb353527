"""The engines on the grid of steps: `event` works where spikes arrive, `clock` everywhere, with equal bits."""
