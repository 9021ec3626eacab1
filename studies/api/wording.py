"""How numbers are told to people, and where: stdout has the tables alone."""

import sys


def duration(seconds: float) -> str:
    """Seconds as a person says them: 42 s, 7 min, 2 h 5 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def amount(n: float) -> str:
    """A count as a person says it, with three digits: 113 k, 21.5 M, 4.80 G."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if n >= 0.9995 * size:
            return f"{n / size:#.3g}".rstrip(".") + f" {unit}"
    return f"{n:g}"


def counted(n: int, noun: str) -> str:
    """A number and a noun: 1 trial, 2 trials."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def say(text: str) -> None:
    """A line on stderr, so that stdout has the table alone."""
    print(text, file=sys.stderr, flush=True)
