"""Whole jobs: many fits on one machine or on a cluster, their table, their page and what they suggest, and a self-test.

Imports all rooms but `ddip_tf.commands`. Import its modules one by one.
"""
