"""The cold-start board: training runs side by side, and how fresh the warehouse is."""
