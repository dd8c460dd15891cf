"""Generated datasets with a known optimum: one config per task template."""
