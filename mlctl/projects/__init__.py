"""MLproject files: reading them, binding their parameters, and fetching the projects that hold them."""
