"""How does a sweep run as a job of a cluster, and how is it doing?"""
