"""The network that makes shapes: trained, exported."""
