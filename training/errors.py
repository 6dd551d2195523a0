"""The error that a training command ends with."""


class TrainingError(Exception):
    """A sentence for the user: what was wrong, where, and what to do."""
