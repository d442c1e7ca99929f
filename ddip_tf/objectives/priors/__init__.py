"""The priors of the slices under T(k) that are networks: a module each, and a row of `ddip_tf.methods.PRIORS`.

The prior that is not, total variation, is `ddip_tf.transfer.solver`.
"""
