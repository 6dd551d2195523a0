"""Clear tasks that failed because the date before theirs was not published, once it is."""
