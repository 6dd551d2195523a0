"""Errors whose message is meant for the one who asks, or who runs the server."""


class ServingError(Exception):
    """An error that the user can fix. Its message says what is wrong, where, and what to do."""


class RequestError(ServingError):
    """A request that cannot be answered as it is."""


class NotReadyError(ServingError):
    """Features or the model are not loaded yet."""
