"""Merges that build a new graph out of whole models, whatever their architectures."""
