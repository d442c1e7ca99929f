"""Whole jobs: many fits on one machine or on a cluster, their table, their page and what they suggest, and a self-test.

Imports all rooms before it. Import its modules one by one.
"""
