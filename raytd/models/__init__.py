"""Which networks are there, and what do they compute of an image?"""
