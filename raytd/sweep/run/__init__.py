"""Who runs the trials, and who hears of it?"""
