"""What is known of a trial that has ended, column by column, and which results belong together?"""
