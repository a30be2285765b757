"""What does a trial start from: which data, weights, rate and labels?"""
