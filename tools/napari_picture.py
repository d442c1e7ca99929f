"""A run folder and the panel in napari, as PNG: for docs/napari.png (`pictures.py`). Needs a display.

xvfb-run -a python tools/napari_picture.py saved_models/example docs/napari.png
"""

from __future__ import annotations

from pathlib import Path

import click

SIZE = (1180, 900)


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path))
def main(run: Path, picture: Path) -> None:
    import napari
    from qtpy.QtWidgets import QApplication

    from ddip_tf.napari_plugin import panel, reader

    viewer = napari.Viewer(show=True)
    for data, keywords, _ in reader.read_run(run):
        viewer.add_image(data, **keywords)
    viewer.grid.enabled, viewer.grid.shape = True, (len(viewer.layers) // 2, 2)  # a column a slice
    viewer.scale_bar.visible = True
    made = panel.Panel(viewer)
    viewer.window.add_dock_widget(made, name="Separate two slices (ddip-tf)")
    made.slices[1].value = viewer.layers[1]
    viewer.window._qt_window.resize(*SIZE)
    for _ in range(50):
        QApplication.processEvents()
    viewer.reset_view()
    QApplication.processEvents()
    viewer.window.screenshot(str(picture), canvas_only=False, flash=False)
    viewer.close()


if __name__ == "__main__":
    main()
