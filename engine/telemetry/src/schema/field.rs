//! What a field of a body can be, and how each is written: in a frame, as JSON, and as the cells of a table.

use std::borrow::Cow;

use quorate_core::codec::DecodeError;
use quorate_core::hash::Digest;
use quorate_core::ids::{Epoch, Height, MemberId, PartitionId, View, Weight};
use quorate_core::vote::{Engine, Kind};

use crate::pack::Packer;
use crate::unpack::Unpacker;

/// A short text. Names that are known when the program is compiled cost nothing to put into a frame.
pub type Text = Cow<'static, str>;

/// What a column of a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Integers from zero to 2^64 - 1.
    Unsigned,
    /// Integers from -2^63 to 2^63 - 1.
    Signed,
    /// Texts. Lists are texts that hold JSON.
    Text,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: ColumnType,
    /// Whether rows may have nothing there.
    pub nullable: bool,
}

impl Column {
    /// A column in which every row has something.
    pub(crate) const fn full(name: &'static str, holds: ColumnType) -> Self {
        Self { name, holds, nullable: false }
    }
}

/// What stands in one row of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// A number of a column of [`ColumnType::Unsigned`].
    Unsigned(u64),
    /// A number of a column of [`ColumnType::Signed`].
    Signed(i64),
    /// A text.
    Text(Cow<'a, str>),
}

/// A type that fields of bodies have.
pub(crate) trait Field: Sized {
    fn pack(&self, out: &mut Packer<'_>);

    fn unpack(from: &mut Unpacker<'_>, field: &'static str) -> Result<Self, DecodeError>;

    /// What the field is in a frame of a version that did not have it yet, if it can be nothing.
    fn absent() -> Option<Self> {
        None
    }

    fn json(&self, out: &mut Vec<u8>);

    /// The columns of a field called `name`. Most have one.
    fn columns(name: &'static str, out: &mut Vec<Column>);

    /// A cell for each of the columns.
    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>);
}

/// Writes a text as JSON.
pub(crate) fn json_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a text is JSON, and memory takes it");
}

/// A field of a list type is a text column that holds JSON.
fn json_cell<'a>(field: &impl Field) -> Cell<'a> {
    let mut json = Vec::new();
    field.json(&mut json);
    Cell::Text(String::from_utf8(json).expect("JSON is UTF-8").into())
}

impl Field for u64 {
    fn pack(&self, out: &mut Packer<'_>) {
        out.unsigned(*self);
    }

    fn unpack(from: &mut Unpacker<'_>, field: &'static str) -> Result<Self, DecodeError> {
        from.unsigned(field)
    }

    fn json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.to_string().as_bytes());
    }

    fn columns(name: &'static str, out: &mut Vec<Column>) {
        out.push(Column::full(name, ColumnType::Unsigned));
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.push(Cell::Unsigned(*self));
    }
}

impl Field for i64 {
    fn pack(&self, out: &mut Packer<'_>) {
        out.signed(*self);
    }

    fn unpack(from: &mut Unpacker<'_>, field: &'static str) -> Result<Self, DecodeError> {
        from.signed(field)
    }

    fn json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.to_string().as_bytes());
    }

    fn columns(name: &'static str, out: &mut Vec<Column>) {
        out.push(Column::full(name, ColumnType::Signed));
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.push(Cell::Signed(*self));
    }
}

impl Field for Text {
    fn pack(&self, out: &mut Packer<'_>) {
        out.text(self);
    }

    fn unpack(from: &mut Unpacker<'_>, field: &'static str) -> Result<Self, DecodeError> {
        from.text(field).map(|text| Cow::Owned(text.to_owned()))
    }

    fn json(&self, out: &mut Vec<u8>) {
        json_text(self, out);
    }

    fn columns(name: &'static str, out: &mut Vec<Column>) {
        out.push(Column::full(name, ColumnType::Text));
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.push(Cell::Text(Cow::Borrowed(self)));
    }
}

impl Field for Digest {
    fn pack(&self, out: &mut Packer<'_>) {
        out.binary(&self.0);
    }

    fn unpack(from: &mut Unpacker<'_>, field: &'static str) -> Result<Self, DecodeError> {
        from.binary(field).map(Digest)
    }

    fn json(&self, out: &mut Vec<u8>) {
        json_text(&self.to_string(), out);
    }

    fn columns(name: &'static str, out: &mut Vec<Column>) {
        out.push(Column::full(name, ColumnType::Text));
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.push(Cell::Text(self.to_string().into()));
    }
}

/// A number with a name is written as its number.
macro_rules! numbers {
    ($($type:ident($inner:ident)),*) => {$(
        impl Field for $type {
            fn pack(&self, out: &mut Packer<'_>) {
                out.unsigned(u64::from(self.0));
            }

            fn unpack(from: &mut Unpacker<'_>, field: &'static str) -> Result<Self, DecodeError> {
                let at = from.at();
                let number = from.unsigned(field)?;
                let most = || format!("at most {}", $inner::MAX);
                $inner::try_from(number).map($type).map_err(|_| from.unexpected(at, field, number, most()))
            }

            fn json(&self, out: &mut Vec<u8>) {
                u64::from(self.0).json(out);
            }

            fn columns(name: &'static str, out: &mut Vec<Column>) {
                u64::columns(name, out);
            }

            fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
                out.push(Cell::Unsigned(u64::from(self.0)));
            }
        }
    )*};
}

numbers!(MemberId(u64), Weight(u64), Epoch(u64), Height(u64), View(u64), PartitionId(u32));

/// A closed set of names: an enum whose values have a code in frames and a name in exports.
macro_rules! names {
    ($(#[$doc:meta])* $what:literal $name:ident { $($(#[$inner:meta])* $variant:ident = $code:literal $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$inner])* $variant = $code),* }

        impl $name {
            /// Every value, by rising code.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The name in exports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }

            const fn code(self) -> u64 {
                self as u64
            }

            fn from_code(code: u64) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.code() == code)
            }
        }

        $crate::schema::field::named!($name, $what);
    };
}

/// The fields of types that have `name`, `code` and `from_code`.
macro_rules! named {
    ($name:ident, $what:literal) => {
        impl $crate::schema::field::Field for $name {
            fn pack(&self, out: &mut $crate::pack::Packer<'_>) {
                out.unsigned(self.code());
            }

            fn unpack(from: &mut $crate::unpack::Unpacker<'_>, field: &'static str) -> Result<Self, quorate_core::codec::DecodeError> {
                let at = from.at();
                let code = from.unsigned(field)?;
                Self::from_code(code).ok_or_else(|| from.unknown(at, field, code, concat!("the code of ", $what).into()))
            }

            fn json(&self, out: &mut Vec<u8>) {
                $crate::schema::field::json_text(self.name(), out);
            }

            fn columns(name: &'static str, out: &mut Vec<$crate::schema::Column>) {
                out.push($crate::schema::Column::full(name, $crate::schema::ColumnType::Text));
            }

            fn cells<'a>(&'a self, out: &mut Vec<$crate::schema::Cell<'a>>) {
                out.push($crate::schema::Cell::Text(self.name().into()));
            }
        }
    };
}

pub(crate) use {named, names};

impl Field for Engine {
    fn pack(&self, out: &mut Packer<'_>) {
        out.unsigned(*self as u64);
    }

    fn unpack(from: &mut Unpacker<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let at = from.at();
        let code = from.unsigned(field)?;
        let known = u8::try_from(code).ok().and_then(Engine::from_code);
        known.ok_or_else(|| from.unknown(at, field, code, "0 to 6, 16, 17 or 18".into()))
    }

    fn json(&self, out: &mut Vec<u8>) {
        json_text(self.name(), out);
    }

    fn columns(name: &'static str, out: &mut Vec<Column>) {
        out.push(Column::full(name, ColumnType::Text));
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.push(Cell::Text(self.name().into()));
    }
}

/// A kind of vote is one number, 256 times the engine's code and the kind's. In tables it is two columns, and only the second has the
/// field's name.
impl Field for Kind {
    fn pack(&self, out: &mut Packer<'_>) {
        out.unsigned((self.engine() as u64) << 8 | u64::from(self.code()));
    }

    fn unpack(from: &mut Unpacker<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let at = from.at();
        let code = from.unsigned(field)?;
        let known = u16::try_from(code).ok().and_then(|code| Kind::from_codes((code >> 8) as u8, code as u8));
        known.ok_or_else(|| from.unknown(at, field, code, "256 times an engine's code, and the code of one of its kinds".into()))
    }

    fn json(&self, out: &mut Vec<u8>) {
        json_text(&format!("{}:{}", self.engine().name(), self.name()), out);
    }

    fn columns(name: &'static str, out: &mut Vec<Column>) {
        out.push(Column::full("engine", ColumnType::Text));
        out.push(Column::full(name, ColumnType::Text));
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.push(Cell::Text(self.engine().name().into()));
        out.push(Cell::Text(self.name().into()));
    }
}

impl<T: Field> Field for Option<T> {
    fn pack(&self, out: &mut Packer<'_>) {
        match self {
            Some(value) => value.pack(out),
            None => out.nil(),
        }
    }

    fn unpack(from: &mut Unpacker<'_>, field: &'static str) -> Result<Self, DecodeError> {
        if from.nil() { Ok(None) } else { T::unpack(from, field).map(Some) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn json(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.json(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn columns(name: &'static str, out: &mut Vec<Column>) {
        let first = out.len();
        T::columns(name, out);
        out[first..].iter_mut().for_each(|column| column.nullable = true);
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        match self {
            Some(value) => value.cells(out),
            None => {
                let mut columns = Vec::new();
                T::columns("", &mut columns);
                out.extend(columns.iter().map(|_| Cell::Null));
            }
        }
    }
}

impl<T: Field> Field for Vec<T> {
    fn pack(&self, out: &mut Packer<'_>) {
        if out.list(self.len()) {
            self.iter().for_each(|item| item.pack(out));
        }
    }

    fn unpack(from: &mut Unpacker<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let len = from.list(field)?;
        // Items grow the list as they are read: a length is no reason to reserve.
        let mut items = Vec::new();
        for _ in 0..len {
            items.push(T::unpack(from, field)?);
        }
        Ok(items)
    }

    fn json(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (at, item) in self.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            item.json(out);
        }
        out.push(b']');
    }

    fn columns(name: &'static str, out: &mut Vec<Column>) {
        out.push(Column::full(name, ColumnType::Text));
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.push(json_cell(self));
    }
}

/// A key and its value.
impl Field for (Text, Text) {
    fn pack(&self, out: &mut Packer<'_>) {
        out.list(2);
        self.0.pack(out);
        self.1.pack(out);
    }

    fn unpack(from: &mut Unpacker<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let at = from.at();
        match from.list(field)? {
            2 => Ok((Text::unpack(from, field)?, Text::unpack(from, field)?)),
            other => Err(from.unexpected(at, field, format!("{other} items long"), "a key and a value")),
        }
    }

    fn json(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        self.0.json(out);
        out.push(b',');
        self.1.json(out);
        out.push(b']');
    }

    fn columns(name: &'static str, out: &mut Vec<Column>) {
        out.push(Column::full(name, ColumnType::Text));
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.push(json_cell(self));
    }
}
