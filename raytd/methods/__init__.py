"""What is each distance?"""
