"""Rows to click probabilities with an exported model. An export takes this room and what it imports along.

It needs numpy, pyarrow and onnxruntime or LightGBM, but neither torch nor Spark.
"""
