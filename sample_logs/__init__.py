"""Sample logs in AntM2C format of any size, from a known click model.

Titles and entities of items are drawn from their topics, and the query entities of users from their tastes. Each scene
has its own click rate, mix of tastes and share of rows. Popularity is heavy-tailed. Users and items appear day by day.
Each click is drawn from a probability that is written beside the logs, so the best reachable AUC is known.
"""
