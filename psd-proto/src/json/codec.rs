//! How the types of prost are spelt in JSON.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::{Error, JsonEnum, JsonMessage, MapKey, Reader, Result, Writer, base64, read_message};

/// A type with one JSON form: scalars, messages, and what is made of these.
///
/// An `i32` that stands for an enum and a value that stands for a wrapper message need a [`Codec`] of their own.
pub trait JsonValue: Default {
    /// Whether `null` is a value of its own; elsewhere it stands for an absent field.
    const NULL: bool = false;

    /// Reads the next value into `self`, which has its default.
    ///
    /// # Errors
    /// If the next value is no such value.
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<()>;

    /// Writes the value.
    fn write(&self, writer: &mut Writer<'_>);

    /// Whether a field with this value is left out.
    fn is_default(&self) -> bool;
}

/// A JSON form of `T`. Implemented by markers, since one Rust type may have several.
pub trait Codec<T> {
    /// Whether `null` is a value of its own; elsewhere it stands for an absent field.
    const NULL: bool = false;

    /// Reads the next value into `value`, which has its default. `false` if there was a value but it is to be
    /// ignored: the name of an enum value that this program does not know.
    ///
    /// # Errors
    /// If the next value is no such value.
    fn read(value: &mut T, reader: &mut Reader<'_>) -> Result<bool>;

    /// Writes the value.
    fn write(value: &T, writer: &mut Writer<'_>);

    /// Whether a field with this value is left out.
    fn is_default(value: &T) -> bool;
}

/// The form that the type alone decides.
#[derive(Debug)]
pub struct Plain;

/// A number that stands for a value of the enum `E`: written by name.
#[derive(Debug)]
pub struct Enum<E>(PhantomData<E>);

/// `google.protobuf.NullValue`.
#[derive(Debug)]
pub struct Null;

/// A scalar that stands for its wrapper message (`google.protobuf.Int64Value`): written as the scalar.
#[derive(Debug)]
pub struct Wrapper;

/// A repeated field with elements of form `C`.
#[derive(Debug)]
pub struct Repeated<C>(PhantomData<C>);

/// A map with values of form `C`.
#[derive(Debug)]
pub struct Map<C>(PhantomData<C>);

/// A field with presence, of form `C`.
#[derive(Debug)]
pub struct Optional<C>(PhantomData<C>);

impl<T: JsonValue> Codec<T> for Plain {
    const NULL: bool = T::NULL;

    #[inline]
    fn read(value: &mut T, reader: &mut Reader<'_>) -> Result<bool> {
        value.read(reader).map(|()| true)
    }

    #[inline]
    fn write(value: &T, writer: &mut Writer<'_>) {
        value.write(writer);
    }

    #[inline]
    fn is_default(value: &T) -> bool {
        value.is_default()
    }
}

impl<E: JsonEnum> Codec<i32> for Enum<E> {
    #[inline]
    fn read(value: &mut i32, reader: &mut Reader<'_>) -> Result<bool> {
        super::enumeration::read(value, E::VALUES, reader)
    }

    #[inline]
    fn write(value: &i32, writer: &mut Writer<'_>) {
        super::enumeration::write(*value, E::VALUES, writer);
    }

    #[inline]
    fn is_default(value: &i32) -> bool {
        *value == 0
    }
}

impl Codec<i32> for Null {
    const NULL: bool = true;

    fn read(value: &mut i32, reader: &mut Reader<'_>) -> Result<bool> {
        *value = 0;
        if reader.null()? {
            return Ok(true);
        }
        let start = reader.at;
        let is_known = super::enumeration::read(value, &[("NULL_VALUE", 0)], reader)?;
        // Another number could not be written again: all there is to say is `null`.
        if *value == 0 { Ok(is_known) } else { Err(Error::expected(reader.text, start, "null")) }
    }

    fn write(_: &i32, writer: &mut Writer<'_>) {
        writer.null();
    }

    fn is_default(value: &i32) -> bool {
        *value == 0
    }
}

impl<T: JsonValue> Codec<T> for Wrapper {
    #[inline]
    fn read(value: &mut T, reader: &mut Reader<'_>) -> Result<bool> {
        if !reader.objects_for_well_known() || reader.next_byte() != Some(b'{') {
            return value.read(reader).map(|()| true);
        }
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            if key != "value" {
                super::message::unknown(&key, reader)?;
            } else if !reader.null()? {
                *value = T::default();
                value.read(reader)?;
            }
        }
        Ok(true)
    }

    #[inline]
    fn write(value: &T, writer: &mut Writer<'_>) {
        value.write(writer);
    }

    #[inline]
    fn is_default(value: &T) -> bool {
        value.is_default()
    }
}

impl<T: Default, C: Codec<T>> Codec<Vec<T>> for Repeated<C> {
    #[inline]
    fn read(values: &mut Vec<T>, reader: &mut Reader<'_>) -> Result<bool> {
        reader.begin_array()?;
        while reader.next_element()? {
            let mut value = T::default();
            if C::read(&mut value, reader)? {
                values.push(value);
            }
        }
        Ok(true)
    }

    #[inline]
    fn write(values: &Vec<T>, writer: &mut Writer<'_>) {
        let start = writer.begin();
        for value in values {
            writer.comma();
            C::write(value, writer);
        }
        writer.end_array(start);
    }

    #[inline]
    fn is_default(values: &Vec<T>) -> bool {
        values.is_empty()
    }
}

impl<K: MapKey, T: Default, C: Codec<T>> Codec<BTreeMap<K, T>> for Map<C> {
    #[inline]
    fn read(values: &mut BTreeMap<K, T>, reader: &mut Reader<'_>) -> Result<bool> {
        reader.begin_object()?;
        while let Some(text) = reader.next_key()? {
            let Some(key) = K::from_text(&text) else {
                let expected = K::EXPECTED;
                return Err(reader.problem(format!("expected a key that is {expected}")));
            };
            let mut value = T::default();
            if C::read(&mut value, reader)? {
                values.insert(key, value);
            }
        }
        Ok(true)
    }

    #[inline]
    fn write(values: &BTreeMap<K, T>, writer: &mut Writer<'_>) {
        let start = writer.begin();
        for (key, value) in values {
            writer.comma();
            key.write_key(writer);
            writer.raw(":");
            C::write(value, writer);
        }
        writer.end_object(start);
    }

    #[inline]
    fn is_default(values: &BTreeMap<K, T>) -> bool {
        values.is_empty()
    }
}

impl<T: Default, C: Codec<T>> Codec<Option<T>> for Optional<C> {
    const NULL: bool = C::NULL;

    #[inline]
    fn read(value: &mut Option<T>, reader: &mut Reader<'_>) -> Result<bool> {
        let known = C::read(value.insert(T::default()), reader)?;
        if !known {
            *value = None;
        }
        Ok(known)
    }

    #[inline]
    fn write(value: &Option<T>, writer: &mut Writer<'_>) {
        match value {
            Some(value) => C::write(value, writer),
            None => writer.null(),
        }
    }

    #[inline]
    fn is_default(value: &Option<T>) -> bool {
        value.is_none()
    }
}

/// Containers of plain values are plain themselves.
macro_rules! plain_container {
    ($container:ty, $codec:ty, [$($parameters:tt)*]) => {
        impl<$($parameters)*> JsonValue for $container {
            const NULL: bool = <$codec as Codec<Self>>::NULL;

            #[inline]
            fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
                <$codec>::read(self, reader).map(drop)
            }

            #[inline]
            fn write(&self, writer: &mut Writer<'_>) {
                <$codec>::write(self, writer);
            }

            #[inline]
            fn is_default(&self) -> bool {
                <$codec>::is_default(self)
            }
        }
    };
}

plain_container!(Vec<T>, Repeated<Plain>, [T: JsonValue]);
plain_container!(Option<T>, Optional<Plain>, [T: JsonValue]);
plain_container!(BTreeMap<K, T>, Map<Plain>, [K: MapKey, T: JsonValue]);

impl<M: JsonMessage> JsonValue for M {
    #[inline]
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        read_message(self, reader)
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.message(self);
    }

    /// A message that is there is written, however empty.
    #[inline]
    fn is_default(&self) -> bool {
        false
    }
}

macro_rules! number {
    ($($type:ident)*) => {$(
        impl JsonValue for $type {
            #[inline]
            fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
                *self = reader.$type()?;
                Ok(())
            }

            #[inline]
            fn write(&self, writer: &mut Writer<'_>) {
                writer.$type(*self);
            }

            #[inline]
            fn is_default(&self) -> bool {
                *self == $type::default()
            }
        }
    )*};
}

number!(i32 i64 u32 u64 bool);

macro_rules! float {
    ($($type:ident)*) => {$(
        impl JsonValue for $type {
            #[inline]
            fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
                *self = reader.$type()?;
                Ok(())
            }

            #[inline]
            fn write(&self, writer: &mut Writer<'_>) {
                writer.$type(*self);
            }

            /// Negative zero is a value of its own, as in the binary form.
            #[inline]
            fn is_default(&self) -> bool {
                self.to_bits() == 0
            }
        }
    )*};
}

float!(f32 f64);

impl JsonValue for String {
    #[inline]
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        *self = reader.string()?.into_owned();
        Ok(())
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.string(self);
    }

    #[inline]
    fn is_default(&self) -> bool {
        self.is_empty()
    }
}

impl JsonValue for Vec<u8> {
    #[inline]
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        reader.next_byte();
        let start = reader.at;
        match base64::decode(&reader.string()?) {
            Some(bytes) => *self = bytes,
            None => return Err(super::Error::expected(reader.text, start, "base64")),
        }
        Ok(())
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.bytes(self);
    }

    #[inline]
    fn is_default(&self) -> bool {
        self.is_empty()
    }
}
