"""Where a store is, and whether this version can use it: the version of the format that its files have."""

import json
import warnings
from pathlib import Path
from typing import Self

from studies.store.errors import NoStoreWarning
from studies.store.files import StoreError, open_files
from studies.store.records import dump, parse

FORMAT = 3  # of the store; what changes it needs a step in studies/store/migration.py
READ = 2  # the oldest that is read, and written to, as it is: its results have their epochs in them


class Root:
    """The folder or URL of a store. Reading makes nothing."""

    def __init__(self, root: Path | str) -> None:
        self.files = open_files(root)

    @property
    def root(self) -> str:
        """Where the store is: a path or a URL."""
        return self.files.root

    @property
    def folder_here(self) -> Path:
        """Where files for people go that belong to the store: into it, or here if it is no folder."""
        return Path(".") if "://" in self.root else Path(self.root)

    def format(self) -> int | None:
        """Version of the store's format; None if there is no store yet."""
        content = self.files.read("store.json")
        if content is None:
            return 1 if self.files.names("trials") else None
        try:
            found = json.loads(content)
            if "sha256" in found:  # the records of 0.1 had no digest here
                found = parse(content)
            return int(found.get("format", found.get("schema_version")))  # named so until 0.1
        except (ValueError, TypeError, AttributeError):
            return FORMAT  # damaged; the trials say themselves what they are

    def check(self) -> Self:
        """The store itself, if this version can use it.

        Raises:
            StoreError: if it is no folder, was written by a newer version, or by an older one and is not migrated.
        """
        if not self.files.may_hold_files():
            raise StoreError(f"{self.root} is no folder: choose another --runs-dir")
        found = self.format()
        if found is not None and found > FORMAT:
            raise StoreError(
                f"{self.root} was written by a newer version of t2t-studies (format {found}, this one knows "
                f"{FORMAT}): upgrade t2t-studies, or choose another --runs-dir"
            )
        if found is not None and found < READ:
            raise StoreError(
                f"{self.root} has format {found}, this version writes {FORMAT}: "
                f"`studies store migrate --runs-dir {self.root}` brings it up to date and loses nothing"
            )
        return self

    @property
    def is_there(self) -> bool:
        """Whether there is a store; a folder without one is read as an empty one."""
        return self.format() is not None

    def check_there(self) -> Self:
        """`check`, for who only reads: warns (`NoStoreWarning`) where there is no store.

        Raises:
            StoreError: as `check`.
        """
        if not self.check().is_there:
            text = f"there is no store at {self.root}, so nothing is found there; --runs-dir or $STUDIES_RUNS_DIR names"
            warnings.warn(f"{text} another", NoStoreWarning, stacklevel=3)
        return self

    def prepare(self) -> None:
        """Make the store ready to be written.

        Raises:
            StoreError: if it cannot be written.
        """
        self.files.write("store.json", dump({"format": FORMAT}))
