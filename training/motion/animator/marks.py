"""Says in a file's metadata that a network made what it shows: XMP, as IPTC and the makers of cameras agreed on it.

The property is `DigitalSourceType` of the IPTC Photo Metadata Standard 2023.2, its value `trainedAlgorithmicMedia` of
https://cv.iptc.org/newscodes/digitalsourcetype. Where XMP lies in a file: XMP Specification Part 3 (Adobe, 2020).
"""

from __future__ import annotations

import zlib

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SAID = "Synthetic: a portrait that a network moved as a clip of another face moves."
_PACKET = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:dc="http://purl.org/dc/elements/1.1/">
<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{SAID}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>""".encode()
_PNG_START, _PNG_HEAD = 8, 25  # bytes of the signature, and of the chunk IHDR that follows it
_MP4_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # of the box `uuid` with XMP
_GIF_FLAGS, _GIF_HEAD = 10, 13  # byte that says how many colours follow the head, and its length
_GIF_TRAILER = bytes([1, *range(255, -1, -1), 0])  # brings readers of sub-blocks behind the packet


def marked(file: bytes, suffix: str) -> bytes:
    """The bytes of a .png, .gif or .mp4 file with the mark; what it shows stays."""
    return {".png": _png, ".gif": _gif, ".mp4": _mp4}[suffix](file)


def _png(file: bytes) -> bytes:
    head = _PNG_START + _PNG_HEAD
    chunks = _chunk(b"tEXt", b"Comment\0" + SAID.encode()) + _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _PACKET)
    return file[:head] + chunks + file[head:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _gif(file: bytes) -> bytes:
    said = SAID.encode()
    comment = b"!\xfe" + bytes([len(said)]) + said + b"\0"
    flags = file[_GIF_FLAGS]
    head = _GIF_HEAD + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)  # with the table of colours, if there is one
    return file[:head] + comment + b"!\xff\x0bXMP DataXMP" + _PACKET + _GIF_TRAILER + file[head:]


def _mp4(file: bytes) -> bytes:
    return file + (24 + len(_PACKET)).to_bytes(4, "big") + b"uuid" + _MP4_XMP + _PACKET
