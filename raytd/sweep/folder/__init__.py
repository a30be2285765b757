"""What is on disk of a sweep, under which name, and how far is it to be believed?"""
