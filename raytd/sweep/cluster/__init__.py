"""What does the cluster have, and is it well?"""
