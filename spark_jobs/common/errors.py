"""The error that a stage ends with."""


class StageError(Exception):
    """A sentence for the user: what was wrong, where, and what to do."""
