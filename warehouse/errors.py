"""The error that the warehouse package ends with."""


class WarehouseError(ValueError):
    """A sentence for the user: what was wrong, where, and what to do."""
