"""The command line, one file per noun: each declares options, makes one library call and returns a Result."""
