"""The Spark stages. Each stage is one file, submitted on its own with spark-submit."""

# Independent of one another.
FEATURE_STAGES = ("user_features", "item_features", "user_item_features", "user_sequences")
STAGES = ("csv_to_orc", *FEATURE_STAGES, "training_table")  # in the order in which they run for a date
