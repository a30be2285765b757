"""Tasks: labelled images of chosen classes, and how the labels of two tasks are joined."""
