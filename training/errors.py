"""The errors that a training command ends with."""

from warehouse.errors import StorageError


class TrainingError(Exception):
    """A sentence for the user: what was wrong, where, and what to do."""

    @property
    def may_pass(self) -> bool:
        """Whether the same command may succeed later: what a file system could not do now it may do then."""
        cause = self.__cause__
        if isinstance(cause, NotADirectoryError | IsADirectoryError | FileExistsError):
            return False  # the path is another one's
        # Without a number it is Arrow's word for a damaged file.
        return isinstance(cause, StorageError) or (isinstance(cause, OSError) and cause.errno is not None)


class PassingError(TrainingError):
    """One that may pass, whatever it came from."""

    @property
    def may_pass(self) -> bool:
        """Always."""
        return True


class TrackingError(PassingError):
    """What MLflow could not do now, it may do later."""


class LostProcessError(PassingError):
    """One of several processes was ended; started again, they go on from the last checkpoint."""
