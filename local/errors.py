"""The errors of this package. Their messages are meant for the user."""


class StartError(Exception):
    """A server or program did not start. The message names it and its log."""


class ApiError(Exception):
    """Airflow refused a request or did not answer it. status: the HTTP status, or 0 if there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class RunError(Exception):
    """A DAG run failed. The message names the task and quotes the end of its log."""
