"""How do pixels of any data set come to one form?"""
