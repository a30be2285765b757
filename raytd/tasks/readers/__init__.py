"""Readers: one file for each way in which labelled images lie about."""
