"""Pictures that cannot be read: passed over, counted, and too many of them end the trial."""

from collections.abc import Callable, Iterable

MOST_SHARE = 1000  # of so many pictures, one may be corrupt
NAMED = 3


class DataError(RuntimeError):
    """Data that a trial cannot go on with: too many corrupt pictures, a wrong label, data workers that die."""


class Corrupt:
    """The corrupt pictures of a data set that were met so far.

    Args:
        total: pictures of both splits that are used.
        name: of a picture, by split and number.
    """

    def __init__(self, total: int, name: Callable[[str, int], str]) -> None:
        self.allowed = total // MOST_SHARE
        self.total, self._name = total, name
        self._found: dict[tuple[str, int], None] = {}
        self._said = 0

    def __len__(self) -> int:
        return len(self._found)

    @property
    def pictures(self) -> list[tuple[str, int]]:
        """All, by split and number, in the order in which they were met."""
        return list(self._found)

    def add(self, pictures: Iterable[tuple[str, int]]) -> None:
        """Count pictures, by split and number, each once.

        Raises:
            DataError: if they are too many, with the names of some.
        """
        self._found |= dict.fromkeys(pictures)
        if len(self._found) > self.allowed:
            some = ", ".join(self.names()[:NAMED])
            more = f" and {len(self) - NAMED} more" if len(self) > NAMED else ""
            raise DataError(
                f"{counted(len(self))} cannot be read, more than 0.1 % of {self.total:,}: {some}{more}; remove or "
                "replace them (`studies data check` with --all finds every one)"
            )

    def names(self) -> list[str]:
        """Of all, in the order in which they were met."""
        return [f"{split}/{self._name(split, index)}" for split, index in self._found]

    def notes(self) -> list[str]:
        """A line if there are more than when it was last asked."""
        if len(self) == self._said:
            return []
        self._said = len(self)
        return [f"passed over {counted(len(self))} that cannot be read; the first: {self.names()[0]}"]


def counted(n: int) -> str:
    """So many pictures."""
    return f"{n:,} picture{'' if n == 1 else 's'}"
