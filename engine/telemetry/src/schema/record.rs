//! How a body is declared: a struct whose fields are the items of a list in a frame, the keys of a JSON object, and columns of a table.

use quorate_core::codec::DecodeError;

use super::field::{Cell, Column, Field};
use crate::pack::Packer;
use crate::unpack::Unpacker;

/// What the declaration of a body gives.
pub(crate) trait Record: Sized {
    fn pack(&self, out: &mut Packer<'_>);

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, DecodeError>;

    /// Appends `,"field":value` for each field.
    fn json(&self, out: &mut Vec<u8>);

    fn columns(out: &mut Vec<Column>);

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>);
}

/// Declares a body. The fields stand in a frame in the order of their declaration, so new ones come last and are options.
macro_rules! record {
    (
        $(#[$doc:meta])*
        pub struct $name:ident { $($(#[$inner:meta])* pub $field:ident $(as $column:literal)?: $type:ty),* $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$inner])* pub $field: $type),* }

        #[allow(unused_variables, reason = "a body may have no fields")]
        impl $crate::schema::record::Record for $name {
            fn pack(&self, out: &mut $crate::pack::Packer<'_>) {
                const FIELDS: &[&str] = &[$(stringify!($field)),*];
                out.list(FIELDS.len());
                $($crate::schema::field::Field::pack(&self.$field, out);)*
            }

            fn unpack(from: &mut $crate::unpack::Unpacker<'_>) -> Result<Self, quorate_core::codec::DecodeError> {
                let mut fields = $crate::schema::record::Fields::open(from, stringify!($name))?;
                let record = Self { $($field: fields.next(from, stringify!($field))?),* };
                fields.close(from)?;
                Ok(record)
            }

            fn json(&self, out: &mut Vec<u8>) {
                $(
                    out.extend_from_slice(concat!(",\"", stringify!($field), "\":").as_bytes());
                    $crate::schema::field::Field::json(&self.$field, out);
                )*
            }

            fn columns(out: &mut Vec<$crate::schema::Column>) {
                $(<$type as $crate::schema::field::Field>::columns($crate::schema::record::column!($field $($column)?), out);)*
            }

            fn cells<'a>(&'a self, out: &mut Vec<$crate::schema::Cell<'a>>) {
                $($crate::schema::field::Field::cells(&self.$field, out);)*
            }
        }
    };
}

/// The name of a field's column: another one if it says so.
macro_rules! column {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $column:literal) => {
        $column
    };
}

pub(crate) use {column, record};

/// The fields of a record that is being read.
pub(crate) struct Fields {
    record_at: usize,
    left: usize,
}

impl Fields {
    pub(crate) fn open(from: &mut Unpacker<'_>, record: &'static str) -> Result<Self, DecodeError> {
        Ok(Self { record_at: from.at(), left: from.list(record)? })
    }

    /// The next field, or what it is where it does not stand yet.
    pub(crate) fn next<T: Field>(&mut self, from: &mut Unpacker<'_>, field: &'static str) -> Result<T, DecodeError> {
        if self.left > 0 {
            self.left -= 1;
            return T::unpack(from, field);
        }
        T::absent().ok_or_else(|| from.unexpected(self.record_at, field, "missing", "a value"))
    }

    /// Passes over the fields that a later version has added.
    pub(crate) fn close(&mut self, from: &mut Unpacker<'_>) -> Result<(), DecodeError> {
        (0..std::mem::take(&mut self.left)).try_for_each(|_| from.skip("a field of a later version"))
    }
}
