"""Scores of how well a source model's outputs or features tell a target's classes apart."""
