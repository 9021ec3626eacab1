"""Many trials: a queue of them, what trains one, what beats beside it; in this process or under Ray."""
