"""Optimal transport: problems and their entropic solutions, coupling steps, tiles."""
