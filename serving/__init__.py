"""Answer one request at a time: the click probabilities of a user and some items, from features in memory."""
