"""What a trial is: model, data, recipe and seed, its id, and what comes of it. Plain models: no torch, no files."""
