"""Results of other tools in, and results of runs out, so that all scores land in one table."""
