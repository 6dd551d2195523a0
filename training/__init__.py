"""From training tables to evaluated click models: data, models, training, evaluation, artifacts, a CLI."""
