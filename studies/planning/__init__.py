"""What a run would train, what it costs and how long it takes; nothing is trained."""
