"""Whether to go on: which trial trains from which epoch to which, and which one stops."""
