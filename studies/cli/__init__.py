"""The command line: the parser, a file a command. Nobody imports it."""

from studies.cli.parser import main

__all__ = ["main"]
