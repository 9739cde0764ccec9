"""What is collected by running a model: the inputs of its layers, as rows of the matrices that the layers are."""
