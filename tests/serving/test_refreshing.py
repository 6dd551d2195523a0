"""Looks for newer features and models in the background."""

import threading
from threading import Event

import pytest

from serving.refreshing import refreshing


class Recovering:
    """A service with a problem at its second and third look."""

    def __init__(self) -> None:
        self.looks, self.problems, self.ended = 0, [], Event()

    def refresh(self) -> None:
        self.looks += 1
        self.problems = ["no disk"] if self.looks in (2, 3) else []
        if self.looks == 6:
            self.ended.set()


def test_a_problem_is_told_once_and_so_is_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    service = Recovering()
    with refreshing(service, look_every=0.001):
        assert service.ended.wait(10)
    assert capsys.readouterr().err == "no disk\nall problems are solved\n"


def test_the_looks_end_with_the_block_even_if_it_fails() -> None:
    before = threading.enumerate()
    with pytest.raises(OSError, match="in use"), refreshing(Recovering(), look_every=0.001):
        raise OSError("the port is in use")
    after = [thread for thread in threading.enumerate() if thread not in before]
    for thread in after:
        thread.join(10)
    assert not any(thread.is_alive() for thread in after)
