"""Values that a careless quotation, pattern or format would break."""

HOSTILE = ["a b", "it's", 'say "hi"', "a;b", "line\nbreak", "Zoë \N{SNOWMAN}", "%", "_", "C:\\", "-- x", "?", "{}", "a" * 70, "nul\0byte"]
