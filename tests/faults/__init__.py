"""What may go wrong on an event's way, made to happen: the rows of the fault matrix."""
