"""The names of an export's own files. The others have the same names as in the folder of a run."""

DESCRIPTION_FILE, NETWORK_FILE, TREES_FILE = "model.json", "network.onnx", "gbdt_trees.txt"
CODE_FOLDER = "code"
