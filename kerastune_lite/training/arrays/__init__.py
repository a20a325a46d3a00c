"""Small dense networks trained in NumPy, one or several side by side, as Keras would train them."""
