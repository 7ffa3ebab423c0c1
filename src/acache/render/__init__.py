"""Reports into text: for people (`human`), for programs (`machine`)."""
