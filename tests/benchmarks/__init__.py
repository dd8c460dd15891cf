"""Programs that measure speed, memory and what is learned.

Their tests check what they compute with; no test asserts a time.
"""
