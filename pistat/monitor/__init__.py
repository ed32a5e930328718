"""Collections of readings: what is read for an answer, and what can be read at all."""
