"""Where are a sweep's numbers sent while it runs?"""
