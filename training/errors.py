"""The errors that end a training command."""

from warehouse.errors import StorageError


class TrainingError(Exception):
    """An error for the user: what was wrong, where, and what to do."""

    @property
    def may_pass(self) -> bool:
        """Whether the same command may succeed later, as it may after a failure of the file system."""
        cause = self.__cause__
        if isinstance(cause, NotADirectoryError | IsADirectoryError | FileExistsError):
            return False  # the path is in use for something else
        # Arrow reports a damaged file as an OSError without a number.
        return isinstance(cause, StorageError) or (isinstance(cause, OSError) and cause.errno is not None)


class PassingError(TrainingError):
    """An error after which the same command may always succeed later."""

    @property
    def may_pass(self) -> bool:
        return True


class TrackingError(PassingError):
    """MLflow could not be used."""


class LostProcessError(PassingError):
    """One of several processes that train together was ended; the same command resumes from the last checkpoint."""
