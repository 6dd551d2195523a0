"""Measure the figures that the documentation states."""
