"""Programs that measure speed; no tests, and no test asserts a time."""
