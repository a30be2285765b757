"""What does a command show while it runs, on a terminal, in lines, as JSON and in a log?"""
