//! Masked CRC-32C, as in TensorFlow's `record_writer.h`.

use crc::{CRC_32_ISCSI, Crc};

static CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The checksum of `bytes`, masked, since a checksum of bytes that contain their own is weak.
pub(super) fn masked(bytes: &[u8]) -> [u8; 4] {
    CRC32C.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}
