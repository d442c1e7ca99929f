"""The run folder: what it holds, written and exchanged in one go, read without trust, regenerated without TensorFlow.

Imports `ddip_tf.training`, `ddip_tf.quality`, `ddip_tf.formats` and the rooms before them; TensorFlow only to write.
Import its modules one by one.
"""
