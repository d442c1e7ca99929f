"""How a separation is made: the fit of every mixing and prior, its optimiser, checkpoints, devices and interruptions.

TensorFlow where it is trained; imports `ddip_tf.objectives`, `ddip_tf.quality` and the rooms before them. Import its
modules one by one.
"""
