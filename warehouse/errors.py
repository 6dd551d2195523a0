"""The errors that the warehouse package ends with."""


class WarehouseError(ValueError):
    """A sentence for the user: what was wrong, where, and what to do."""


class StorageError(WarehouseError):
    """A file system that cannot be reached, or that refuses. The same may succeed later."""
