"""XCom keys of what tasks leave behind for the note of their run."""

TOLD = "told"  # a sentence of a task that failed or was skipped
DECISION = "decision"  # on the champion
