"""Run a `Network` in NEST (optional: `pip install nest-simulator`): for many machines (MPI), and as an oracle.

What becomes what, with C_m = tau_m, so that a current of I moves the steady membrane by I:

- A population becomes `iaf_psc_delta` (a spike jumps the membrane) or `iaf_psc_exp_multisynapse` (currents);
  with `precise=True` `iaf_psc_delta_ps`, `iaf_psc_exp_ps_lossless` (one time constant) or `iaf_psc_exp_ps`,
  which leave the grid as engine="exact" does. A leaky integrator is a neuron whose threshold is out of reach.
  A source becomes one `spike_generator` per unit that spikes.
- Jumps: the weight is ours times `input_scale`. Currents: NEST integrates the current of the step before
  exactly over the step, ours drives the membrane by `input_scale` times the current of the step itself. Both
  are one recursion with `weight * input_scale / P21`, where P21 is NEST's response to a unit current.
- Noise becomes a `poisson_generator` per input: the same law, other draws.
- Time: step k of ours is NEST's step k + 2, so that inputs can be sent early enough to arrive in step 0.
  NEST stamps a spike with the end of its step, ours with the start.
- Delay: a jump over our delay d has NEST's delay d; NEST's smallest delay is our 1. A current in NEST first
  moves the membrane in the step after its arrival, so it has NEST's delay d - 1, and our 2 is the smallest
  between neurons. Off the grid both are d.

Refused by name: shorter delays between neurons, resets other than "hard", a membrane without leak or without
memory, equal time constants of membrane and current, currents given by their factor per step, a bias through a
receptor, drive that changes in time, an adaptive threshold, several spikes in a step, weights that learn; with
`precise=True` also delays and refractory times between steps, a refractory time of 0, and a receptor with
weights of both signs beside another (NEST sorts its two currents by sign). One tie differs off the grid: a spike
that arrives just when a refractory time ends counts in NEST and not with us (nor with NEST on its grid).
"""

from __future__ import annotations

from snn.interop.nest.run import NestRecording, simulate

__all__ = ["NestRecording", "simulate"]
