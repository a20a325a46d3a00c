"""Every fast path is held to `model.fit`."""
