"""Clears the dates that failed for want of the date before them, when that is published."""
