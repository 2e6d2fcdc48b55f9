"""Pictures in base64, as programs send them."""

import base64
import io

from PIL import Image


def encoded(pixels, kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()
