"""How good a separation is: against known truth, without it, over repeats, and when not to trust it.

NumPy and SciPy only; imports `ddip_tf.slices` and the rooms before it. Import its modules one by one.
"""
