"""How good the predictions are, overall and for whom."""
