"""From the store and from counts to frames, and from frames to `reports`."""
