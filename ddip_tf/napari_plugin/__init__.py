"""ddip-tf in napari: run folders as layers, and a panel that starts a fit (`napari.yaml` names both).

Imports `ddip_tf.archive`, `ddip_tf.slices` and the rooms before them; the panel alone imports napari.
"""
