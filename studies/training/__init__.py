"""One trial: trained an epoch at a time, resumable to the last bit; and what its data, parents and device are."""
