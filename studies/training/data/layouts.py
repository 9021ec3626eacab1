"""What each kind of data must look like on a disk: the one place that says it. No torch here."""

from pathlib import Path

from searchspace.expand import SpecError
from studies.trials.data import DataSpec, FolderSpec, TimmDataSpec

VARIABLE = "STUDIES_DATA"  # of the environment: the folder of data sets
FOLDERS = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}
STREAMS = ("tfds", "hfids")  # of timm's: pictures in an order that is not ours to choose
LIBRARIES = ("hfds", "torch")  # a library knows where its files are
SHOWN = 6  # names of what was found


def library(spec: DataSpec) -> str:
    """What timm opens a data set with: the prefix of its name, `hfds` say; "" for files."""
    prefix, slash, _ = spec.name.partition("/") if isinstance(spec, TimmDataSpec) else ("", "", "")
    known = slash and prefix.lower() in (*STREAMS, *LIBRARIES, "wds")
    return prefix.lower() if known else ""


def needs_files(spec: DataSpec) -> bool:
    """Whether a folder of data sets must be named."""
    return spec.kind != "digits" and library(spec) != "hfds"  # which has a folder of its own


def expected(spec: DataSpec) -> str:
    """The files that a data set is read from, below the folder of data sets, in words."""
    if spec.kind in FOLDERS:
        return f"{FOLDERS[spec.kind]}/ with the files of {spec.kind} as they are distributed for Python"
    if not isinstance(spec, FolderSpec):
        return "no files"
    if library(spec) in LIBRARIES:
        return f"what timm's create_dataset({spec.name!r}) reads"
    name = spec.name.removeprefix("wds/") if library(spec) == "wds" else spec.name
    splits = (spec.train_split, spec.test_split)
    if library(spec) == "wds":
        both = " and ".join(f"{name}/*{split}*.tar (or {name}/{split}/*.tar)" for split in splits)
        return f"{both}, shards with key.jpg and key.cls for each picture"
    if isinstance(spec, TimmDataSpec):
        return " and ".join(f"{name}/{split}.tar (or {name}/{split}/*.tar, a tar file a class)" for split in splits)
    return " and ".join(f"{name}/{split}/<class>/*.jpg" for split in splits)


def base_folder(spec: FolderSpec, root: Path) -> Path:
    """The folder that holds the splits: below the folder of data sets by the data set's name, or that folder itself.

    Raises:
        SpecError: if neither holds both splits, with what was expected and what is there.
    """
    name = spec.name.removeprefix("wds/") if library(spec) == "wds" else spec.name
    tried = (root / name, root)
    for base in tried:
        try:
            if all(has(spec, base, split) for split in (spec.train_split, spec.test_split)):
                return base
        except OSError as error:
            raise SpecError(f"{error.filename or base}: cannot be read: {error.strerror or error}") from None
    raise SpecError(
        f"{spec.name} is not in {root}: expected {expected(spec)}, the first folder being left out if {root} is it; "
        f"found {_there(tried)} (--data, ${VARIABLE})"
    )


def has(spec: FolderSpec, base: Path, split: str) -> bool:
    """Whether a folder holds a split."""
    if library(spec) == "wds":
        return bool(shards(base, split))
    if isinstance(spec, TimmDataSpec):
        return tars(base, split) is not None
    return (base / split).is_dir()


def shards(base: Path, split: str) -> tuple[Path, ...]:
    """WebDataset's shards of a split, in order."""
    return tuple(sorted((base / split).glob("*.tar")) or sorted(base.glob(f"*{split}*.tar")))


def tars(base: Path, split: str) -> Path | None:
    """The tar file of a split, or the folder of its tar files; none: it has neither."""
    if (base / f"{split}.tar").is_file():
        return base / f"{split}.tar"
    return base / split if any((base / split).glob("*.tar")) else None


def _there(tried: tuple[Path, ...]) -> str:
    """What is in the first of some folders that is there, in a few words."""
    for folder in tried:
        try:
            names = sorted(f"{p.name}/" if p.is_dir() else p.name for p in folder.iterdir())
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SpecError(f"{folder}: cannot be read: {error.strerror or error}") from None
        if not names:
            return f"an empty folder {folder}"
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f"{', '.join(names[:SHOWN])}{more} in {folder}"
    return "no such folder"
