"""What a machine and its GPUs do while a run goes on."""
