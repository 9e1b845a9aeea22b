"""The window: a picture with points, curves over time, a slider and a button."""

from __future__ import annotations

import numpy as np
from PySide6 import QtCore, QtGui, QtWidgets

from .sequence import Played

COLOURS = ("#4cc9f0", "#f72585", "#ffd166", "#80ed99", "#b388ff", "#ff9f1c", "#e0e0e0", "#00b894")
LANDMARK, KEYPOINT = QtGui.QColor(76, 201, 240, 170), QtGui.QColor(255, 209, 102)
GROUND = QtGui.QColor(32, 34, 38)


class Picture(QtWidgets.QWidget):
    """A frame, as large as fits, with its points."""

    def __init__(self, played: Played) -> None:
        super().__init__()
        self.played, self.number, self.with_points = played, 0, True
        self.setMinimumSize(320, 320)

    def paintEvent(self, _event: QtGui.QPaintEvent) -> None:  # noqa: N802 - Qt's name
        frame = np.ascontiguousarray(self.played.frames[self.number])
        height, width = frame.shape[:2]
        image = QtGui.QImage(frame.data, width, height, 3 * width, QtGui.QImage.Format.Format_RGB888)
        scale = min(self.width() / width, self.height() / height)
        painter = QtGui.QPainter(self)
        painter.setRenderHints(painter.RenderHint.Antialiasing | painter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), GROUND)
        painter.translate((self.width() - scale * width) / 2, (self.height() - scale * height) / 2)
        painter.scale(scale, scale)
        painter.drawImage(0, 0, image)
        if self.with_points:
            for points, colour, size in (
                (self.played.landmarks, LANDMARK, 2.0), (self.played.keypoints, KEYPOINT, 7.0)
            ):  # fmt: skip
                pen = QtGui.QPen(colour, size / scale)
                pen.setCapStyle(QtCore.Qt.PenCapStyle.RoundCap)
                painter.setPen(pen)
                own = points[self.number]
                for x, y in own[np.isfinite(own).all(1)].tolist():
                    painter.drawPoint(QtCore.QPointF(x, y))
        painter.end()


class Curves(QtWidgets.QWidget):
    """Chosen curves over the frames, gaps where there is no face, and a line at the frame that is shown."""

    def __init__(self, played: Played) -> None:
        super().__init__()
        self.played, self.number, self.names = played, 0, list(played.liveliest)
        self.setMinimumHeight(160)

    def paintEvent(self, _event: QtGui.QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QtGui.QPainter(self)
        painter.setRenderHint(painter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), GROUND)
        chosen = [self.played.curves[name] for name in self.names]
        signed = any(np.nanmin(values, initial=0.0) < 0 for values in chosen)
        low = -1.0 if signed else 0.0
        width, height, last = self.width() - 1, self.height() - 1, max(self.played.count - 1, 1)
        painter.setPen(QtGui.QColor(90, 94, 100))
        for level in {low, 0.0, 1.0}:
            y = height * (1 - (level - low) / (1 - low))
            painter.drawLine(QtCore.QPointF(0, y), QtCore.QPointF(width, y))
        for name, values in zip(self.names, chosen, strict=True):
            painter.setPen(QtGui.QPen(QtGui.QColor(colour_of(self.names, name)), 1.6))
            y = height * (1 - (np.clip(values, low, 1) - low) / (1 - low))
            for number in np.flatnonzero(np.isfinite(y[:-1]) & np.isfinite(y[1:])).tolist():
                ends = [QtCore.QPointF(width * n / last, float(y[n])) for n in (number, number + 1)]
                painter.drawLine(*ends)
        painter.setPen(QtGui.QColor(255, 255, 255))
        x = width * self.number / last
        painter.drawLine(QtCore.QPointF(x, 0), QtCore.QPointF(x, height))
        painter.end()


def colour_of(names: list[str], name: str) -> str:
    """The colour of a curve among those that are shown."""
    return COLOURS[names.index(name) % len(COLOURS)]


class Viewer(QtWidgets.QWidget):
    """A clip that plays. Space plays and stops, the slider goes to a frame, ticks choose the curves."""

    def __init__(self, played: Played, title: str) -> None:
        super().__init__()
        self.setWindowTitle(title)
        self.played = played
        self.picture, self.curves = Picture(played), Curves(played)
        self.slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.slider.setRange(0, played.count - 1)
        self.slider.valueChanged.connect(self.show_frame)
        self.button = QtWidgets.QPushButton("Play")
        self.button.setShortcut("Space")
        self.button.clicked.connect(self.play_or_stop)
        self.label = QtWidgets.QLabel()
        self.points = QtWidgets.QCheckBox("Points")
        self.points.setChecked(True)
        self.points.toggled.connect(self._points_toggled)
        self.list = QtWidgets.QListWidget()
        self.list.setMaximumWidth(190)
        self.list.setStyleSheet(
            f"QListWidget {{ background: {GROUND.name()}; color: #e0e0e0 }}"
            "QListWidget::indicator:unchecked { border: 1px solid #888888; width: 11px; height: 11px }"
        )
        for name in played.curves:
            row = QtWidgets.QListWidgetItem(name, self.list)
            row.setCheckState(_state(name in self.curves.names))
        self._colour_rows()
        self.list.itemChanged.connect(self._row_changed)
        self.timer = QtCore.QTimer(self)
        self.timer.setInterval(max(1, round(1000 * float(np.median(np.diff(played.times))))))
        self.timer.timeout.connect(self._next)

        below = QtWidgets.QHBoxLayout()
        for part in (self.button, self.slider, self.label, self.points):
            below.addWidget(part)
        left = QtWidgets.QVBoxLayout()
        left.addWidget(self.picture, 3)
        left.addWidget(self.curves, 1)
        left.addLayout(below)
        whole = QtWidgets.QHBoxLayout(self)
        whole.addLayout(left, 1)
        whole.addWidget(self.list)
        self.show_frame(0)

    def show_frame(self, number: int) -> None:
        """Show a frame, from 0."""
        self.picture.number = self.curves.number = number
        self.label.setText(f"{number + 1} of {self.played.count}, {self.played.times[number]:.2f} s")
        self.picture.update()
        self.curves.update()

    def play_or_stop(self) -> None:
        """Play from the frame that is shown, over and over, or stop there."""
        if self.timer.isActive():
            self.timer.stop()
        else:
            self.timer.start()
        self.button.setText("Stop" if self.timer.isActive() else "Play")
        self.button.setShortcut("Space")  # which a new text takes away

    def _next(self) -> None:
        self.slider.setValue((self.slider.value() + 1) % self.played.count)

    def _points_toggled(self, shown: bool) -> None:
        self.picture.with_points = shown
        self.picture.update()

    def _row_changed(self, _row: QtWidgets.QListWidgetItem) -> None:
        rows = [self.list.item(number) for number in range(self.list.count())]
        self.curves.names = [row.text() for row in rows if row.checkState() == QtCore.Qt.CheckState.Checked]
        self._colour_rows()
        self.curves.update()

    def _colour_rows(self) -> None:
        """Write the names of shown curves in their colours."""
        self.list.blockSignals(True)
        for number in range(self.list.count()):
            row = self.list.item(number)
            shown = row.text() in self.curves.names
            colour = QtGui.QColor(colour_of(self.curves.names, row.text())) if shown else None
            row.setForeground(QtGui.QBrush(colour) if colour else QtGui.QBrush())
        self.list.blockSignals(False)


def _state(checked: bool) -> QtCore.Qt.CheckState:
    return QtCore.Qt.CheckState.Checked if checked else QtCore.Qt.CheckState.Unchecked
