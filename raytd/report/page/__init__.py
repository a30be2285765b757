"""How does all of it come onto one page?"""
