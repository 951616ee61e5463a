//! Reading keys: at which revision, which of them, in which order, and how many.
//!
//! Bytes of a range: flags (1 keys only, 2 count only, 4 revision, 8 limit, 16 sorted, 32 modified bounds, 64 created bounds) ‖ keys ‖
//! revision u64 ‖ limit u64 ‖ sort (0 key, 1 version, 2 created, 3 modified, 4 value; 8 more if descending) ‖ least and most modified u64 ‖
//! least and most created u64, each where its flag is set. Of what was found: more ‖ count u64 ‖ number of keys u32 ‖ the keys.

use quorate_core::codec::{DecodeError, Reader};

use crate::codec::{self, flags};
use crate::keys::Keys;
use crate::value::{KeyValue, Revision};

/// What keys are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// The key.
    #[default]
    Key,
    /// How often it was written.
    Version,
    /// When it came to be.
    Created,
    /// When it changed last.
    Modified,
    /// The value.
    Value,
}

const SORT_BY: [SortBy; 5] = [SortBy::Key, SortBy::Version, SortBy::Created, SortBy::Modified, SortBy::Value];

/// In which order keys are told. Those that are equal stand in the order of their keys, whichever way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// What decides.
    pub by: SortBy,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// A question for keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Which.
    pub keys: Keys,
    /// As they were at this revision; zero is the newest.
    pub revision: Revision,
    /// How many at most; zero is as many as there are.
    pub limit: u64,
    /// In which order.
    pub sort: Sort,
    /// Whether the values are left out.
    pub keys_only: bool,
    /// Whether only their number is asked for.
    pub count_only: bool,
    /// Leaves out what changed last before this revision; zero leaves out nothing, and so do the others.
    pub min_mod_revision: Revision,
    /// Leaves out what changed last behind it.
    pub max_mod_revision: Revision,
    /// Leaves out what came to be before it.
    pub min_create_revision: Revision,
    /// Leaves out what came to be behind it.
    pub max_create_revision: Revision,
}

impl Range {
    /// All of these keys, as they are now.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        Self {
            keys,
            revision: Revision(0),
            limit: 0,
            sort: Sort::default(),
            keys_only: false,
            count_only: false,
            min_mod_revision: Revision(0),
            max_mod_revision: Revision(0),
            min_create_revision: Revision(0),
            max_create_revision: Revision(0),
        }
    }

    /// Whether a key that was created and modified then is asked for.
    pub(crate) fn wants(&self, created: Revision, modified: Revision) -> bool {
        let within = |at, least, most| at >= least && (most == Revision(0) || at <= most);
        within(modified, self.min_mod_revision, self.max_mod_revision)
            && within(created, self.min_create_revision, self.max_create_revision)
    }

    /// Whether nothing about the order or the choice needs more than to walk along the keys.
    pub(crate) fn is_plain(&self) -> bool {
        let bounds = [self.min_mod_revision, self.max_mod_revision, self.min_create_revision, self.max_create_revision];
        self.sort == Sort::default() && bounds == [Revision(0); 4]
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        let bounds = [[self.min_mod_revision, self.max_mod_revision], [self.min_create_revision, self.max_create_revision]];
        let bounded = bounds.map(|pair| pair != [Revision(0); 2]);
        let sorted = self.sort != Sort::default();
        let [modified, created] = bounded;
        out.push(flags([self.keys_only, self.count_only, self.revision.0 != 0, self.limit != 0, sorted, modified, created]));
        self.keys.encode(out);
        codec::number(out, self.revision.0);
        codec::number(out, self.limit);
        if sorted {
            out.push(self.sort.by as u8 | u8::from(self.sort.descending) << 3);
        }
        for bound in bounds.into_iter().zip(bounded).filter(|(_, bounded)| *bounded).flat_map(|(pair, _)| pair) {
            out.extend(bound.0.to_le_bytes());
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let flags = codec::read_flags(reader, 0b111_1111)?;
        let keys = Keys::decode(reader)?;
        let revision = Revision(codec::read_number(reader, "revision", flags & 4 != 0)?);
        let limit = codec::read_number(reader, "limit", flags & 8 != 0)?;
        let sort = if flags & 16 != 0 { read_sort(reader)? } else { Sort::default() };
        let [min_mod_revision, max_mod_revision] = read_bounds(reader, "modified", flags & 32 != 0)?;
        let [min_create_revision, max_create_revision] = read_bounds(reader, "created", flags & 64 != 0)?;
        Ok(Self {
            keys,
            revision,
            limit,
            sort,
            keys_only: flags & 1 != 0,
            count_only: flags & 2 != 0,
            min_mod_revision,
            max_mod_revision,
            min_create_revision,
            max_create_revision,
        })
    }
}

fn read_sort(reader: &mut Reader<'_>) -> Result<Sort, DecodeError> {
    let at = reader.at();
    let found = reader.u8("sort")?;
    match SORT_BY.get(usize::from(found & 7)) {
        Some(by) if found < 16 && found != 0 => Ok(Sort { by: *by, descending: found & 8 != 0 }),
        _ => Err(reader.unexpected_at(at, "sort", found, "1 to 4, or 8 to 12".into())),
    }
}

fn read_bounds(reader: &mut Reader<'_>, field: &'static str, there: bool) -> Result<[Revision; 2], DecodeError> {
    if !there {
        return Ok([Revision(0); 2]);
    }
    let at = reader.at();
    match [Revision(reader.u64(field)?), Revision(reader.u64(field)?)] {
        bounds if bounds != [Revision(0); 2] => Ok(bounds),
        _ => Err(reader.unexpected_at(at, field, 0, "a bound, or that both are left out".into())),
    }
}

/// What a range found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The keys that were asked for, up to the limit.
    pub kvs: Vec<KeyValue>,
    /// Whether the limit left some out.
    pub more: bool,
    /// How many keys lie in the range, whatever the limit and whatever else was asked of them.
    pub count: u64,
}

impl Found {
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.more));
        out.extend(self.count.to_le_bytes());
        KeyValue::encode_list(&self.kvs, out);
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { more: reader.bool("more")?, count: reader.u64("count")?, kvs: KeyValue::decode_list(reader)? })
    }
}
