"""Training of live models: stages that freeze what they do not train, fed in an order that can be repeated."""
