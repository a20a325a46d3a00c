"""Many models trained side by side, each with the result that it would get alone."""
