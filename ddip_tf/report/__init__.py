"""What a run looks like: lines of text, figures, and one page in a browser (``page/`` has its template and scripts).

Imports `ddip_tf.archive`, `ddip_tf.quality`, `ddip_tf.slices` and the rooms before them. Import its modules one by one.
"""
