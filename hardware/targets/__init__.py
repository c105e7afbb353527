"""What things cost on a machine: constants with sources, and the prices made of them."""
