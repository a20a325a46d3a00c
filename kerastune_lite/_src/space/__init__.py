"""The search space: domains, conditions, the `hp` object, and reading a space from `build(hp)`."""
