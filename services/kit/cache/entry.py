"""What a cache keeps: an answer's bytes, ready to be sent, and how long they may be."""

import gzip
import hashlib
from typing import Self

import msgspec

# Below this size the header of gzip and the client's work outweigh what is saved.
GZIP_ABOVE_BYTES = 1024
# Level 9 takes a third more time for 2 % fewer bytes of our pages.
_GZIP_LEVEL = 6
_REFRESH_FROM = 0.8


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An answer of the source. Times are seconds since the epoch, as instances share entries."""

    body: bytes
    gzip: bytes
    """The body compressed, or nothing where that is not worth it."""
    etag: str
    """Weak, as body and compressed body are the same to its reader."""
    read_at: float
    """Before the source was asked, so that the entry is never older than it says."""
    fresh_until: float
    absent: bool = False
    """The source was asked, and has nothing under this key."""

    @classmethod
    def of(cls, body: bytes, read_at: float, fresh_until: float, *, compress: bool) -> Self:
        """Make an entry that is there."""
        return cls(body, compressed(body) if compress else b"", etag_of(body), read_at, fresh_until)

    @classmethod
    def nothing(cls, read_at: float, fresh_until: float) -> Self:
        """Make an entry that says that there is nothing."""
        return cls(b"", b"", "", read_at, fresh_until, absent=True)

    @property
    def refresh_at(self) -> float:
        """From when on one instance may read it anew while the others go on using it."""
        return self.read_at + _REFRESH_FROM * (self.fresh_until - self.read_at)

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory; the constant is measured, key included."""
        return len(self.body) + len(self.gzip) + 550

    def encode(self) -> bytes:
        """Write it for another process."""
        return _encoder.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> "Entry | None":
        """Read what ``encode`` wrote; None for what another version of this program wrote."""
        try:
            return _decoder.decode(data)
        except msgspec.MsgspecError:
            return None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)


def compressed(body: bytes) -> bytes:
    """Return the body compressed, or nothing if it is too small to be worth it."""
    # No time in its header: the same body gives the same bytes.
    return gzip.compress(body, _GZIP_LEVEL, mtime=0) if len(body) > GZIP_ABOVE_BYTES else b""


def etag_of(body: bytes) -> str:
    """Return a validator that changes when the body does."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
