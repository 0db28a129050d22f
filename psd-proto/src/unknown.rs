//! Fields of the binary form that a message does not know.

use prost::DecodeError;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType, encode_key, skip_field};

/// Fields that a message does not know, as they came: kept when it is decoded, written again when it is encoded.
///
/// Generated messages have such a field if the configuration says `"rust": { "unknown_fields": true }`. It is for
/// programs that pass on what they decoded, such as a gateway between newer peers. JSON has no part in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct UnknownFields(Vec<u8>);

impl UnknownFields {
    /// The fields as protobuf bytes, in the order in which they came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps the field whose key has been read; generated code calls it.
    ///
    /// # Errors
    /// The field does not end within the buffer, or nests too deep.
    #[doc(hidden)]
    pub fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        encode_key(tag, wire_type, &mut self.0);
        skip_field(wire_type, tag, &mut Recorded { buf, out: &mut self.0 }, context)
    }

    /// Appends the fields; generated code calls it.
    #[doc(hidden)]
    pub fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0);
    }

    /// How many bytes they have; generated code calls it.
    #[doc(hidden)]
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.0.len()
    }
}

/// A buffer of which everything that is passed over is kept.
struct Recorded<'a, B> {
    buf: &'a mut B,
    out: &'a mut Vec<u8>,
}

impl<B: Buf> Buf for Recorded<'_, B> {
    fn remaining(&self) -> usize {
        self.buf.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.buf.chunk()
    }

    fn advance(&mut self, mut count: usize) {
        while count > 0 {
            let chunk = self.buf.chunk();
            let length = chunk.len().min(count);
            self.out.extend_from_slice(&chunk[..length]);
            self.buf.advance(length);
            count -= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::encoding::decode_key;

    use super::*;

    fn keep(mut bytes: impl Buf) -> Result<UnknownFields, DecodeError> {
        let mut fields = UnknownFields::default();
        while bytes.has_remaining() {
            let (tag, wire_type) = decode_key(&mut bytes)?;
            fields.merge_field(tag, wire_type, &mut bytes, DecodeContext::default())?;
        }
        Ok(fields)
    }

    #[test]
    fn every_wire_type_is_kept_as_it_came() {
        // A varint longer than it need be, 64 bits, bytes, a group within a group, 32 bits; the first again.
        let bytes = b"\x08\x81\x00\x11abcdefgh\x1a\x02hi\x23\x2b\x08\x01\x2c\x24\x35abcd\x08\x02";
        let fields = keep(&bytes[..]).expect("they are fields");
        assert_eq!(fields.as_bytes(), bytes);
        assert_eq!((fields.encoded_len(), fields.is_empty()), (bytes.len(), false));
        let mut out = Vec::new();
        fields.encode_raw(&mut out);
        assert_eq!(out, bytes);
        // In pieces.
        for at in 0..bytes.len() {
            assert_eq!(keep(bytes[..at].chain(&bytes[at..])).as_ref(), Ok(&fields), "{at}");
        }
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for bytes in [
            &b"\x08"[..],
            b"\x0d\x01\x02",
            b"\x1a\x05abc",
            b"\x1a\xff\xff\xff\xff\x7f",
            b"\x23\x08\x01",
            b"\x24",
            b"\x23\x2c",
        ] {
            assert!(keep(bytes).is_err(), "{bytes:?}");
        }
        assert!(keep(&[0x23; 10_000][..]).is_err(), "nested too deep");
    }
}
