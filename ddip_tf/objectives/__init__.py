"""What is minimised: the mixing of eq. (3), the losses of eq. (5), and the objective of every prior that is trained.

TensorFlow; imports `ddip_tf.networks`, `ddip_tf.transfer`, `ddip_tf.slices` and the rooms before them. Import its
modules one by one.
"""
