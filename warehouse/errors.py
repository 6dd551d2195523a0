"""Errors whose message is meant for the user."""


class WarehouseError(ValueError):
    """An error that the user can fix. Its message says what is wrong, where, and what to do."""


class StorageError(WarehouseError):
    """A file system could not be reached or refused an operation. The same operation may succeed later."""
