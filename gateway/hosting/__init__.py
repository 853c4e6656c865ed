"""A machine that carries calls for fronts elsewhere."""
