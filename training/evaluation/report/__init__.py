"""What `evaluate` measured, for a person: tables, plots and one page, all drawn from results.json alone."""
