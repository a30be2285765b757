"""What did the user ask for, and is it right?"""
