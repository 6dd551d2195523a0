"""Logs of AntM2C's shape from a known click model, any size and seed.

Items have topics, from which their titles and entities are drawn; users have tastes, from which their query entities
are drawn. Scenes have their own base rate, mix of tastes and share of rows. Popularity is heavy-tailed, and users and
items appear day by day. Each click is drawn from a probability that is written apart: the best reachable AUC is known.
"""
