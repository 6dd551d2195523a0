"""The programs whose training speed is compared. Each trains an MMoE of the same size on the same rows."""
