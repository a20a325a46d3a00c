"""Rules that end a search: nothing improves any more, or nothing that is worth its time."""
