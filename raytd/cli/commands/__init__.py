"""What does each command do? One file each, loaded when it is called."""
