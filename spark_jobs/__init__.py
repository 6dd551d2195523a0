"""The Spark stages. Each stage is one file, submitted on its own with spark-submit."""

FEATURE_STAGES = ("user_features", "item_features", "user_item_features")  # independent of one another
STAGES = ("csv_to_orc", *FEATURE_STAGES, "training_table")  # in the order in which they run for a date
