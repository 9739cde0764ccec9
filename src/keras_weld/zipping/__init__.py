"""Several trained networks of one architecture made into one multi-task network, layer by layer from the input."""
