"""How a separation is made: the fit of every mixing and prior, its optimiser, checkpoints, devices and interruptions.

TensorFlow where it is trained, and none in `without_networks` and what that imports. Imports `ddip_tf.objectives`,
`ddip_tf.quality` and the rooms before them. Import its modules one by one.
"""
