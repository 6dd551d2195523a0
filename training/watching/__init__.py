"""Hold the scores that were given before a date against its clicks, and say when the champion has become worse."""
