"""What may go wrong, each as a sentence for the screen."""


class StartError(Exception):
    """What did not start, and where its log lies."""


class ApiError(Exception):
    """Which call Airflow did not answer or refused. `status` is that of HTTP, 0 where there was no answer."""

    def __init__(self, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status


class RunError(Exception):
    """Which task failed, with the end of its log."""
