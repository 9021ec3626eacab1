"""The search of a study file, with file and line of what is wrong in it. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from searchspace.expand import SpecError, from_validation
from studies.language.resolve import read
from studies.language.search_block import SearchBlock
from studies.language.study_file import StudyFile
from studies.language.yaml_file import YamlFile


@dataclass(frozen=True)
class SearchFile:
    """A study file that has a search.

    Attributes:
        given: what it says of the search, by name; the study's base, scale and name among it.
        arms: whether it has arms too.
    """

    file: YamlFile
    given: dict[str, Any]
    arms: bool

    def blamed(self, error: SpecError) -> SpecError:
        """An error of the search with its file and line."""
        return self.file.error(("search", *error.where.split(".")), str(error), error.kind)


def load_search(path: str | Path) -> SearchFile | None:
    """The search of a study file; None if the file is something else, or a study without one.

    Raises:
        SpecError: with file and line, if the study file is wrong.
    """
    if not str(path).endswith((".yaml", ".yml")) or not YamlFile(Path(path)).data.keys() & {"study", "search"}:
        return None
    file = read(Path(path))
    content = file.validate(StudyFile)
    block = content.search
    if block is None:
        return None
    study = {"base": content.base, "scale": content.scale, "name": content.study}
    own = {name: getattr(block, name) for name in SearchBlock.model_fields if name in block.model_fields_set}
    return SearchFile(
        file, {name: value for name, value in study.items() if value is not None} | own, bool(content.all_groups())
    )


def search_block(given: Mapping[str, Any]) -> SearchBlock:
    """A search of what is said of it, by name.

    Raises:
        SpecError: for what cannot be, with the option that says it.
    """
    try:
        return SearchBlock.model_validate(dict(given))
    except ValidationError as error:
        raise from_validation(error, dict(given)) from None
