"""From what the network proposes to what may be written."""
