"""ddip-tf in napari: run folders and a sample as layers, and a panel that starts a fit (`napari.yaml` names them).

Imports `ddip_tf.archive`, `ddip_tf.formats`, `ddip_tf.slices` and the rooms before them; the panel alone
imports napari.
"""
