"""Values that everything else is made of: tensors, states, graphs, lineage. No Keras, no disk."""
