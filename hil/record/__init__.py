"""What a run leaves: results beside their budgets, the steps of each test, recordings."""
