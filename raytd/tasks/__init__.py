"""What is a task, and how are the labels of two tasks joined?"""
