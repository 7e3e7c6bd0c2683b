"""SQL files in the order of their numbers; an applied one is never edited."""
