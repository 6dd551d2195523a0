"""The errors that a training command ends with."""


class TrainingError(Exception):
    """A sentence for the user: what was wrong, where, and what to do."""


class TrackingError(TrainingError):
    """What MLflow could not do now, it may do later."""
