"""A module a file family: what recognises such a file and reads it. `ddip_tf.formats.families` is the table of them."""
