"""Errors of usage in one line, where argparse prints the whole usage."""

import argparse
import re
from typing import Any, NoReturn

from searchspace.expand import SpecError, nearest
from studies.cli.arguments import named


class UsageError(SpecError):
    """Arguments that do not work; the message is one line for the user."""


class Parser(argparse.ArgumentParser):
    """A parser that raises what is wrong, with the nearest names for one that is misspelt; text is never empty."""

    def add_argument(self, *names: Any, **how: Any) -> argparse.Action:
        """Declare an argument; one without a type is text."""
        if how.get("action", "append") == "append":
            how.setdefault("type", named)
        return super().add_argument(*names, **how)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse all arguments of this command; what it does not know is refused here, where its options are known.

        Raises:
            UsageError: for an argument that is none of the command's, with its options that are spelt most alike.
        """
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            given = next((word.partition("=")[0] for word in rest if word.startswith("-")), "")
            options = [name for action in self._actions for name in action.option_strings if name.startswith("--")]
            self.error(f"unrecognized arguments: {' '.join(rest)}{nearest(given, options, most=8) if given else ''}")
        return found, rest

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments.

        Raises:
            UsageError: always.
        """
        text = " ".join(message.split())
        found = re.fullmatch(r"(?:argument )?(.+?): invalid choice: '(.*)' \(choose from (.*)\)", text)
        if found:
            what, given, choices = found.groups()
            text = f"unknown {what} {given!r}{nearest(given, re.findall(r'[^ ,]+', choices.replace(chr(39), '')))}"
        raise UsageError(f"{text.removeprefix('argument ')} ({self.prog} --help)")


class Version(argparse.Action):
    """Print the version and leave; it is looked up when it is asked for, not at every start."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        """Do so."""
        from importlib.metadata import version

        print(f"studies {version('t2t-studies')}")
        parser.exit()
