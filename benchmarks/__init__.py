"""Every figure of the README, measured by a command."""
