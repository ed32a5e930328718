"""What was: one recorder, the series that it keeps, and the directory in which they outlast a restart."""
