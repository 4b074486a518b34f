"""Images as PNG files: from a path, an array, a tensor, or an image of PIL or matplotlib."""

import shutil
import struct
import zlib
from pathlib import Path
from typing import Any, Optional


class Image:
    """An image to log. `caption` becomes the item's name where it is given."""

    def __init__(
        self, data_or_path: Any, mode: Optional[str] = None, caption: Optional[str] = None, **_: Any
    ) -> None:
        self.caption = caption
        self._data: Any = data_or_path
        if isinstance(data_or_path, Image):
            self._data = data_or_path._data
        self._mode = mode

    def save(self, path: Path) -> None:
        """Writes it to `path` as PNG; a file that is not PNG is converted by PIL."""
        data = self._data
        if isinstance(data, (str, Path)):
            if Path(data).suffix.lower() == ".png":
                shutil.copy(data, path)
                return
            from PIL import Image as pil

            data = pil.open(data)
        if hasattr(data, "savefig") or hasattr(data, "get_figure"):
            figure = data if hasattr(data, "savefig") else data.get_figure()
            figure.savefig(path, format="png")
        elif hasattr(data, "save"):  # PIL
            (data.convert(self._mode) if self._mode else data).save(path, format="PNG")
        else:
            path.write_bytes(png(_pixels(data)))


def png(pixels: Any) -> bytes:
    """A PNG file of an array of bytes: height × width, with 1, 3 or 4 channels."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    colour = {1: 0, 3: 2, 4: 6}[channels]
    rows = pixels.reshape(height, width * channels)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(data)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pixels(data: Any) -> Any:
    """The bytes of an array (channels last) or of a tensor (channels first). Fractions from 0 to 1 are
    scaled to 255; other numbers are taken as they are."""
    import numpy

    if hasattr(data, "detach"):  # PyTorch
        data = data.detach().cpu()
        data = data.permute(1, 2, 0) if data.ndim == 3 else data
        data = data.float().numpy() if "float" in str(data.dtype) else data.numpy()
    array = numpy.asarray(data)
    if array.ndim > 2:
        array = array.squeeze()
    if array.dtype.kind == "f":
        array = array * 255 if array.size and numpy.nanmax(array) <= 1 else array
        array = numpy.clip(numpy.nan_to_num(array), 0, 255).round()
    elif array.dtype.kind == "b":
        array = array * 255
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ValueError(f"an array of the shape {array.shape} is not an image")
    return array.astype(numpy.uint8)
