"""The errors that the warehouse package raises for the user."""


class WarehouseError(ValueError):
    """A sentence for the user: what was wrong, where, and what to do."""


class StorageError(WarehouseError):
    """A file system cannot be reached, or refuses an operation. The same operation may succeed later."""
