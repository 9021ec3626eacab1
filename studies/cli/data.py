"""`studies data check`."""

import argparse
import json
from dataclasses import asdict

from studies.api.data import data_check


def main(arguments: argparse.Namespace) -> int:
    """Print what was found of a data set; 1 if something is wrong."""
    found = data_check(
        arguments.what, data_dir=arguments.data_dir, everything=arguments.all, download=arguments.download
    )
    if arguments.json:
        print(json.dumps(asdict(found), indent=1))
        return 1 if found.problems else 0
    print(f"{found.data}" + (f" in {found.root}" if found.root else ""))
    for split in found.splits:
        classes = "" if split.classes is None else f" in {split.classes:,} classes"
        print(f"  {split.split}: {split.pictures:,} pictures{classes}; {split.read:,} read", end="")
        if split.smallest and split.largest:
            sizes = [f"{width} x {height}" for width, height in (split.smallest, split.largest)]
            print(f", {sizes[0]}" + (f" to {sizes[1]}" if sizes[1] != sizes[0] else "") + " pixels", end="")
        print(f", {len(split.corrupt)} corrupt")
        for name in split.corrupt:
            print(f"    {name}")
    if found.fingerprint:
        print(f"  fingerprint {found.fingerprint}")
    if found.published is not None:
        print(f"  the files are {'' if found.published else 'not '}those that were published")
    if not found.splits and not found.problems:
        print("  made by the scale itself: there are no files to check")
    for problem in found.problems:
        print(f"  wrong: {problem}")
    return 1 if found.problems else 0
