"""Data opened: one file a kind. A batch is a function of the seed, the epoch and its index alone."""
