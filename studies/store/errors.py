"""What is wrong with a record, or with a store."""

from studies.store.files import StoreError


class DamagedError(StoreError):
    """A record that is not what was written."""


class NewerError(StoreError):
    """A record with a field that this code does not know, or a value that it refuses: another version wrote it."""


class NoStoreWarning(UserWarning):
    """A store is read that is not there: that shows nothing, and is often a wrong name or folder."""
