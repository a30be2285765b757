"""How do the same plain classes run as actors of Ray?"""
