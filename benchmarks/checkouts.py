"""Another version of this project, to be measured beside this one: a folder, or a revision of its history."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parents[1]


@contextmanager
def checkout(name: str) -> Iterator[Path]:
    """The folder of a version: `name` itself, or a revision's files in a folder that is removed afterwards.

    Raises:
        SystemExit: if there is neither, with one line that says so.
    """
    if (folder := Path(name)).is_dir():
        if not (folder / "studies").is_dir():
            raise SystemExit(f"no checkout of this project in {folder}; the root of one would work, or a git revision")
        yield folder.resolve()
        return
    with TemporaryDirectory() as temporary:
        command = ["git", "-C", str(HERE), "archive", "--format=tar", name]
        made = subprocess.run(command, capture_output=True)
        if made.returncode:
            raise SystemExit(f"{name} is no folder and no revision of this checkout's history: {made.stderr.decode()}")
        subprocess.run(["tar", "-x", "-C", temporary], input=made.stdout, check=True)
        yield Path(temporary)
