"""What a browser shows: totals as they are found, entries of a function, the commands for both."""
