"""Where in a file does a value stand, and how is a problem with it said?"""
