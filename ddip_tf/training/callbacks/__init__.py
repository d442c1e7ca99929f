"""Who listens to a fit: Keras callbacks for terminals, programs, pictures and TensorBoard, and who tells them.

Keras; imports what `ddip_tf.training` may. Import its modules one by one.
"""
