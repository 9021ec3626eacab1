"""Types of arguments: each takes the text that was given, or says in one line what would work."""

import argparse


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1, got {text!r}")
    return int(text)


def count(text: str) -> int:
    """A whole number from 0 on."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"a whole number from 0 on, got {text!r}")
    return int(text)


def crop(text: str) -> float:
    """A share above 0 and up to 1."""
    value = share(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"a share above 0 and up to 1, got {text!r}")
    return value


def share(text: str) -> float:
    """A number from 0 on."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"a number from 0 on, 0.5 say, got {text!r}")
    return value


def cores(text: str) -> float:
    """Whole cores, or a share of one."""
    value = share(text)
    if not (value and (value < 1 or value == int(value))):
        raise argparse.ArgumentTypeError(f"whole cores, or a share of one above 0, got {text!r}")
    return value


def devices(text: str) -> float:
    """Whole devices, or a share of one."""
    value = share(text)
    if not (value and (value < 1 or value == int(value))):
        raise argparse.ArgumentTypeError(f"whole devices (8), or a share of one above 0 (0.25), got {text!r}")
    return value


def factor(text: str) -> float:
    """A number above 1."""
    value = share(text)
    if value <= 1:
        raise argparse.ArgumentTypeError(f"a number above 1, got {text!r}")
    return value


def seconds(text: str) -> float:
    """Seconds above 0."""
    value = share(text)
    if not value:
        raise argparse.ArgumentTypeError(f"seconds above 0, got {text!r}")
    return value


def seeds(text: str) -> tuple[int, ...]:
    """Seeds: a number of them, or a list."""
    parts = [part for part in text.split(",") if part]
    if not parts or not all(part.strip().isdigit() for part in parts) or ("," not in text and int(text) == 0):
        raise argparse.ArgumentTypeError(f"how many (3), or a list of seeds (0,1,2), got {text!r}")
    numbers = tuple(dict.fromkeys(int(part) for part in parts))
    return numbers if "," in text else tuple(range(numbers[0]))
