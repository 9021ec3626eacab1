"""What each command does, as a function with typed arguments: the Python API; live progress and Ctrl-C."""
