import pytest

from warehouse.errors import first_line


@pytest.mark.parametrize(("message", "told"), [("a\nb", "a"), ("\n \nb", "b"), ("", "OSError"), (" \n", "OSError")])
def test_an_error_is_told_by_the_first_line_that_says_something(message: str, told: str) -> None:
    assert first_line(OSError(message)) == told
