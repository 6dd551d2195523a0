"""Errors that end a training command."""

from warehouse.errors import StorageError


class TrainingError(Exception):
    """An error that the user can fix. Its message says what is wrong, where, and what to do."""

    @property
    def may_pass(self) -> bool:
        """Whether the same command may succeed later, for example after a file system failed."""
        cause = self.__cause__
        if isinstance(cause, PermissionError | NotADirectoryError | IsADirectoryError | FileExistsError):
            return False  # the path is in use for something else, or for others
        # Arrow reports a damaged file as an OSError without a number.
        return isinstance(cause, StorageError) or (isinstance(cause, OSError) and cause.errno is not None)


class PassingError(TrainingError):
    """A temporary error: the same command may succeed later."""

    @property
    def may_pass(self) -> bool:
        return True


class TrackingError(PassingError):
    """MLflow could not be used."""


class LostProcessError(PassingError):
    """One of the processes that train together has ended. The same command resumes from the last checkpoint."""
