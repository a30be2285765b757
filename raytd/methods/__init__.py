"""Distances between tasks, one file each."""
