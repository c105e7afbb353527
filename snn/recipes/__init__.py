"""Named experiments: config, model, data, fit; what the command line and the examples call."""
