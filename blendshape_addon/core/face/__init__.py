"""What is known of a face once its landmarks are: its parts, openings, fields and features."""
