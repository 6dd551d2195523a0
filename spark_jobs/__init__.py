"""The Spark stages. Each is a file of the same name, submitted by itself."""

FEATURE_STAGES = ("user_features", "item_features", "user_item_features")  # none reads a table of another
STAGES = ("csv_to_orc", *FEATURE_STAGES, "training_table")  # in the order in which they run for a date
