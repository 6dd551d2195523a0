"""The models' names, for whoever offers a choice of them without loading torch."""

MODEL_NAMES = ("dnn", "mmoe", "ple")
