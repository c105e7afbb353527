"""What a network did, in integers: no prices, no floats."""
