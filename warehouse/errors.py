"""Errors whose message is meant for the user, and what to tell of other errors."""


class WarehouseError(ValueError):
    """An error that the user can fix. Its message says what is wrong, where, and what to do."""


class StorageError(WarehouseError):
    """A file system could not be reached or refused an operation. The same operation may succeed later."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class if it has no message."""
    return next(filter(str.strip, str(error).splitlines()), type(error).__name__)
