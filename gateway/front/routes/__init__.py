"""HTTP: one small module per resource. Routes translate; they decide nothing."""
