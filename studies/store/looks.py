"""The looks that a study's seeds were added by: what stands in the store, so that reports pay for all of them."""

from typing import Any

from studies.store.files import StoreError
from studies.store.records import dump, parse
from studies.store.store import Store


def kept_looks(store: Store, study: str, scale: str) -> dict[str, Any] | None:
    """The plan of looks at a study at a scale; None if there were none.

    Raises:
        StoreError: if the record is damaged.
    """
    raw = store.files.read(_name(study, scale))
    if raw is None:
        return None
    try:
        return parse(raw)
    except ValueError as error:
        where = store.files.show(_name(study, scale))
        text = f"{where} is damaged: {error}; remove it, and `studies run --resolve` with the same seeds writes it anew"
        raise StoreError(text) from None


def keep_looks(store: Store, study: str, scale: str, content: dict[str, Any]) -> None:
    """Write down a plan of looks."""
    store.files.write(_name(study, scale), dump(content))


def _name(study: str, scale: str) -> str:
    return f"looks/{study}@{scale}.json"
