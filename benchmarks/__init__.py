"""Measure the figures in docs/figures.md and docs/scale.md."""
