"""What can be seen of the package at work; so far its log."""
