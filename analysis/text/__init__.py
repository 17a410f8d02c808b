"""What turns a number into a string."""
