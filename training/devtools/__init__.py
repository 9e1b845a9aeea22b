"""What `make` runs: the extension's zip, the demo, the benchmark."""
