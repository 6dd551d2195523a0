"""Models, which turn the tensors of rows into logits.

Axes in shapes, and in lower case in einsums: B rows of a batch, S scenes, K experts, C experts that all scenes share
(in addition to K experts of their own), G groups of experts, D inputs, H outputs.
"""
