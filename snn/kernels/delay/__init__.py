"""Causal linear maps with delays: a readable reference beside the forms that are fast."""
