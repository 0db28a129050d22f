/** What each byte adds to a checksum. */
export const crcTable = (polynomial: number): Int32Array =>
  Int32Array.from({ length: 256 }, (_, value) => {
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 && polynomial);
    return value;
  });

/** A checksum of 32 bits: reflected, beginning and ending with ones. */
export function crc(table: Int32Array, bytes: Uint8Array): number {
  let value = -1;
  for (let index = 0; index < bytes.length; index++) value = (value >>> 8) ^ table[(value ^ bytes[index]!) & 255]!;
  return ~value >>> 0;
}
