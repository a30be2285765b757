"""What is to be transported, and how is it solved?"""
