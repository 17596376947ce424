"""What ``mlctl doctor`` looks at: one file per topic, each of which gives findings."""
