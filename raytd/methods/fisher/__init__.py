"""Task2Vec: tasks as the diagonal Fisher information of one probe network's filters."""
