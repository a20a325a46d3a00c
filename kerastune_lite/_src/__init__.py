"""What the public modules are made of. Nothing outside the package imports from here."""
