"""What can vary: domains, conditions, the `hp` object, and reading a space off `build(hp)`."""
