"""The techniques, a file for each family; each makes attacks of a goal or of its own plan."""
