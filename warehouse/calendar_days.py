"""Calendar days as YYYY-MM-DD."""

from datetime import date, timedelta

from warehouse.errors import WarehouseError


def days(first: str, last: str) -> list[str]:
    """Return every calendar day from first to last, both inclusive; none if last is before first."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(start + timedelta(days=i)).isoformat() for i in range((end - start).days + 1)]


def days_before(day: str, number: int) -> str:
    """Return the calendar day `number` days before `day`. Raises WarehouseError if the calendar has no such day."""
    try:
        return (date.fromisoformat(day) - timedelta(days=number)).isoformat()
    except OverflowError as error:
        raise WarehouseError(f"there is no date {number} days before {day}; use a smaller number of days") from error
