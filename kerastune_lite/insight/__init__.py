"""What the trials mean: importances, curves, certainty. Pure functions of the history."""
