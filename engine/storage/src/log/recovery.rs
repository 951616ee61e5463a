//! Opening: every segment is read, every record checked, and the end is found.
//!
//! Where reading stops, one of these is true, and they are told apart like this:
//!
//! | what | how one sees it | what is done |
//! |---|---|---|
//! | the end | nothing but fill from here on | nothing |
//! | a torn tail | part of what should be there was never written, and nobody says that it was durable | cut, and said |
//! | corruption | a later group says that this was durable, or all of it was written and is not what it was | the node stops |
//!
//! Groups are written one sync after the other, so at most what the last sync would have covered can be torn.

use quorate_core::hash::Digest;
use quorate_env::disk::Disk;

use super::ledger::Ledger;
use super::offsets::{Offsets, SegmentTable};
use super::record::{self, Found, GROUP, Group};
use super::segment::{self, Head, Owner, PAGE, Segment};
use crate::store::{Damage, LogError, Sequence};

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// How many records there are.
    pub records: u64,
    /// How many bytes were read.
    pub bytes: u64,
    /// Whether the log was closed, rather than left by a crash.
    pub closed: bool,
    /// The torn tail that was cut, if there was one.
    pub torn: Option<Torn>,
    /// Leftovers that were removed.
    pub removed: Vec<String>,
}

/// A torn tail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment's file.
    pub segment: String,
    /// From where.
    pub offset: u64,
    /// Up to the last byte that was not as it was filled.
    pub bytes: u64,
}

/// Everything that was found, before anything is done about it.
pub(super) struct Scan {
    pub(super) segments: Vec<Segment>,
    pub(super) ledger: Ledger,
    pub(super) offsets: Offsets,
    /// Which segment the end is in, and where.
    pub(super) end: (usize, u64),
    /// The number of the last record.
    pub(super) last: Sequence,
    pub(super) chain: Digest,
    pub(super) recovery: Recovery,
    /// Bytes behind the end that are not as they were filled: segment, from, to.
    pub(super) dirty: Vec<(usize, u64, u64)>,
    /// What is wrong, if it is not a torn tail: what was scanned is what lies before.
    pub(super) damage: Option<Damage>,
    /// The highest record number that is behind the damage.
    pub(super) lost_until: Sequence,
    /// Where the records begin of which no later group says that they were durable: the first, its segment, and the place.
    pub(super) tail: Option<(Sequence, usize, u64)>,
    /// Where the records of each segment end.
    pub(super) ends: Vec<u64>,
    /// Entries are missing at the front: there is no place to cut behind which it would be whole.
    pub(super) front_missing: bool,
}

impl Scan {
    /// The last record that a cut at the damage would keep.
    pub(super) fn keeps(&self) -> Sequence {
        if self.front_missing { Sequence(0) } else { self.last }
    }
}

fn io(error: std::io::Error) -> LogError {
    LogError::Io(error.into())
}

/// How a segment ended.
enum Stop {
    /// Behind a whole group, at this place.
    At(u64),
    /// Here something does not fit that was certainly written like that.
    Wrong(u64, String, String),
}

pub(super) struct Scanner<'a> {
    scan: Scan,
    owner: Option<&'a Owner>,
    buffer: Vec<u8>,
    front_is_gone: bool,
    begun: bool,
}

impl<'a> Scanner<'a> {
    /// Reads the log in `folder`. What is wrong with it is in the result.
    pub(super) fn run(disk: &dyn Disk, folder: &str, owner: Option<&'a Owner>, index_bytes: u64) -> Result<Scan, LogError> {
        let names = disk.list(folder).map_err(io)?;
        let mut scanner = Self {
            scan: Scan {
                segments: Vec::new(),
                ledger: Ledger::default(),
                offsets: Offsets::new(index_bytes),
                end: (0, PAGE),
                last: Sequence(0),
                chain: Digest::ZERO,
                recovery: Recovery::default(),
                dirty: Vec::new(),
                damage: None,
                lost_until: Sequence(0),
                tail: None,
                ends: Vec::new(),
                front_missing: false,
            },
            owner,
            buffer: Vec::new(),
            front_is_gone: false,
            begun: false,
        };
        if names.iter().any(|name| name == segment::UNFINISHED) {
            scanner.scan.recovery.removed.push(segment::UNFINISHED.into());
        }
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment::number(name)).collect();
        numbers.sort_unstable();
        scanner.front_is_gone = numbers.first().is_some_and(|first| *first > 1);
        scanner.open_all(disk, folder, &numbers)?;
        scanner.read_all()?;
        Ok(scanner.scan)
    }

    fn damaged(&mut self, segment: String, offset: u64, found: String, expected: String) {
        self.scan.damage.get_or_insert(Damage { segment, offset, found, expected, repair: String::new() });
    }

    fn open_all(&mut self, disk: &dyn Disk, folder: &str, numbers: &[u64]) -> Result<(), LogError> {
        for (nth, number) in numbers.iter().enumerate() {
            if nth > 0 && numbers[nth - 1] + 1 != *number {
                let missing = segment::name(numbers[nth - 1] + 1);
                self.damaged(missing, 0, "no such file".into(), format!("the segment before {}", segment::name(*number)));
                break;
            }
            match Segment::open(disk, folder, *number).map_err(io)? {
                Head::Good { segment, owner } => {
                    if let Some(expected) = self.owner
                        && owner != *expected
                    {
                        let found = format!("the log of member {} of cluster {}", owner.member, owner.cluster);
                        let expected = format!("that of member {} of cluster {}", expected.member, expected.cluster);
                        self.damaged(segment::name(*number), 32, found, expected);
                        break;
                    }
                    self.scan.segments.push(segment);
                }
                Head::Bad { found, expected } => {
                    self.damaged(segment::name(*number), 0, found, expected);
                    break;
                }
            }
        }
        Ok(())
    }

    fn load(&mut self, nth: usize) -> Result<(), LogError> {
        let segment = &self.scan.segments[nth];
        self.buffer.resize(segment.len as usize, 0);
        segment.file.read_exact_at(&mut self.buffer, 0).map_err(io)
    }

    fn read_all(&mut self) -> Result<(), LogError> {
        let mut nth = 0;
        while nth < self.scan.segments.len() {
            self.load(nth)?;
            let stop = self.read_segment(nth);
            let at = match stop {
                Stop::At(at) => at,
                Stop::Wrong(at, found, expected) => {
                    self.damaged(segment::name(self.scan.segments[nth].number), at, found, expected);
                    self.scan.end = (nth, at);
                    return self.look_behind(nth, at).map(drop);
                }
            };
            self.scan.end = (nth, at);
            self.scan.ends.push(at);
            // A segment that was only prepared follows the last one.
            if nth + 1 < self.scan.segments.len() && self.continues_in(nth + 1)? {
                nth += 1;
                continue;
            }
            return self.finish(nth, at);
        }
        Ok(())
    }

    /// Whether the next group is the first of a segment.
    fn continues_in(&mut self, nth: usize) -> Result<bool, LogError> {
        let segment = &self.scan.segments[nth];
        let mut head = [0; GROUP];
        segment.file.read_exact_at(&mut head, PAGE).map_err(io)?;
        let next = Sequence(self.scan.last.0 + 1);
        Ok(match record::decode(&head, PAGE, segment.fill) {
            Ok((Found::Group(group), _)) => self.begun && group.first == next && group.chain == self.scan.chain,
            _ => false,
        })
    }

    /// Takes groups until one is not whole.
    fn read_segment(&mut self, nth: usize) -> Stop {
        let (number, fill) = (self.scan.segments[nth].number, self.scan.segments[nth].fill);
        let bytes = std::mem::take(&mut self.buffer);
        let (mut at, mut table) = (PAGE, SegmentTable::default());
        let stop = loop {
            let Some(group) = whole_group(&bytes, at, fill) else { break Stop::At(at) };
            let next = Sequence(self.scan.last.0 + 1);
            if !self.begun && self.front_is_gone {
                self.scan.chain = group.chain;
                self.scan.last = Sequence(group.first.0.saturating_sub(1));
            } else if group.first != next || group.chain != self.scan.chain {
                let found = format!("a group of records from number {} on, with chain {}", group.first.0, group.chain);
                break Stop::Wrong(at, found, format!("number {}, with chain {}", next.0, self.scan.chain));
            }
            if !self.begun || group.durable >= self.scan.last {
                self.scan.tail = Some((group.first, nth, at));
            }
            self.begun = true;
            let end = at + GROUP as u64 + group.len;
            let mut place = at + GROUP as u64;
            self.scan.recovery.closed = false;
            let mut wrong = None;
            while place < end {
                // It was decoded a moment ago.
                let Ok((found, size)) = record::decode(&bytes[place as usize..end as usize], place, fill) else { break };
                match found {
                    Found::Record(record) | Found::Reset(record) => {
                        let resets = matches!(found, Found::Reset(_));
                        if let Err(found) = self.scan.ledger.replay(&record, resets, number, self.front_is_gone) {
                            wrong = Some(Stop::Wrong(at, found, "records that follow each other".into()));
                            break;
                        }
                        table.note(&record, resets, place as u32);
                    }
                    Found::Close => self.scan.recovery.closed = true,
                    Found::Group(_) => {}
                }
                place += size as u64;
            }
            if let Some(wrong) = wrong {
                break wrong;
            }
            self.scan.chain = record::link(&self.scan.chain, &bytes[at as usize..end as usize]);
            self.scan.last = Sequence(group.first.0 + u64::from(group.count) - 1);
            self.scan.recovery.records += u64::from(group.count);
            self.scan.recovery.bytes += GROUP as u64 + group.len;
            at = end;
        };
        self.buffer = bytes;
        self.scan.offsets.insert(number, table);
        self.scan.offsets.trim(number, number);
        stop
    }

    /// Decides what the place is where reading stopped; the segment is in the buffer.
    fn finish(&mut self, nth: usize, at: u64) -> Result<(), LogError> {
        let fill = self.scan.segments[nth].fill;
        let (mut found, mut torn) = diagnosis(&self.buffer, at, fill);
        let (mut wrong, mut offset) = (nth, at);
        if nth + 1 < self.scan.segments.len() && touched(&self.buffer, at, fill).is_none() {
            // What comes next was to be the first of the next segment, if that was written to.
            self.load(nth + 1)?;
            let fill = self.scan.segments[nth + 1].fill;
            if touched(&self.buffer, PAGE, fill).is_some() {
                (found, torn) = diagnosis(&self.buffer, PAGE, fill);
                (wrong, offset) = (nth + 1, PAGE);
            }
            self.load(nth)?;
        }
        let promised = self.look_behind(nth, at)?;
        let name = segment::name(self.scan.segments[wrong].number);
        let next = self.scan.last.0 + 1;
        if promised.0 >= next {
            let expected = format!("record {next}: a later group says that all up to {} was durable", promised.0);
            self.damaged(name, offset, found, expected);
        } else if !self.begun && self.front_is_gone {
            self.damaged(name, offset, found, "records: the first segment that is kept has some".into());
        } else if !torn {
            self.damaged(name, offset, found, format!("record {next} as it was written, or room that was never written to"));
        } else if self.scan.damage.is_none() {
            if let Some((_, _, to)) = self.scan.dirty.first() {
                self.scan.recovery.torn = Some(Torn { segment: name, offset, bytes: to.saturating_sub(offset) });
            }
            if let Some((partition, span, first)) = self.scan.ledger.front_missing() {
                self.scan.front_missing = true;
                self.scan.lost_until = self.scan.lost_until.max(self.scan.last);
                let first_name = segment::name(self.scan.segments[0].number);
                let found = format!("entries of partition {partition} from {first} on");
                self.damaged(first_name, PAGE, found, format!("entries from {} on, behind the floor", span.floor.index.0 + 1));
            }
        }
        Ok(())
    }

    /// Looks through everything behind a place: what is not fill, and up to which number a group says that all was durable.
    fn look_behind(&mut self, nth: usize, at: u64) -> Result<Sequence, LogError> {
        let (mut promised, mut from) = (Sequence(0), at);
        for later in nth..self.scan.segments.len() {
            if later > nth {
                self.load(later)?;
                from = PAGE;
            }
            let fill = self.scan.segments[later].fill;
            let bytes = &self.buffer;
            if let Some((first, last)) = touched(bytes, from, fill) {
                for place in (first..last).step_by(8) {
                    let rest = &bytes[place as usize..];
                    if rest.len() < GROUP || rest[4..9] != GROUP_TELL {
                        continue;
                    }
                    if let Ok((Found::Group(group), _)) = record::decode(&rest[..GROUP], place, fill) {
                        promised = promised.max(group.durable);
                        let last = Sequence(group.first.0 + u64::from(group.count).saturating_sub(1));
                        self.scan.lost_until = self.scan.lost_until.max(last);
                    }
                }
                self.scan.dirty.push((later, first, last));
            }
        }
        Ok(promised)
    }
}

/// Length and kind of every group's own record.
const GROUP_TELL: [u8; 5] = [(GROUP - record::HEAD) as u8, 0, 0, 0, 1];

/// The group at a place, if it and all its records are as they were written.
fn whole_group(bytes: &[u8], at: u64, fill: super::fill::Fill) -> Option<Group> {
    let rest = bytes.get(at as usize..)?;
    let (Found::Group(group), _) = record::decode(rest.get(..GROUP)?, at, fill).ok()? else { return None };
    let body = rest[GROUP..].get(..usize::try_from(group.len).ok()?)?;
    let (mut place, mut count) = (0, 0);
    while place < body.len() {
        let (found, size) = record::decode(&body[place..], at + (GROUP + place) as u64, fill).ok()?;
        if matches!(found, Found::Group(_)) {
            return None;
        }
        place += size;
        count += 1;
    }
    (count == group.count && count > 0).then_some(group)
}

/// What stands where no whole group is, and whether it may be there because it was never wholly written.
fn diagnosis(bytes: &[u8], at: u64, fill: super::fill::Fill) -> (String, bool) {
    let rest = &bytes[at as usize..];
    let Some(head) = rest.get(..GROUP) else { return ("the end of the segment".into(), true) };
    let (found, extent) = match record::decode(head, at, fill) {
        Ok((Found::Group(group), _)) => {
            let extent = GROUP + usize::try_from(group.len).unwrap_or(usize::MAX).min(rest.len() - GROUP);
            (format!("a group of {} records that do not check out", group.count), extent)
        }
        Ok(_) => ("a record outside of a group".into(), GROUP),
        Err(problem) => (problem.to_owned(), GROUP),
    };
    (found, fill.has_hole(at, &rest[..extent]))
}

/// The first and the last place, in whole words, that are not as they were filled.
fn touched(bytes: &[u8], from: u64, fill: super::fill::Fill) -> Option<(u64, u64)> {
    const STEP: usize = 4096;
    let (mut first, mut last) = (None, from);
    let mut at = from as usize;
    while at < bytes.len() {
        let end = (at + STEP).min(bytes.len());
        if !fill.untouched(at as u64, &bytes[at..end]) {
            let changed = (at..end).step_by(8).filter(|place| !fill.untouched(*place as u64, &bytes[*place..(*place + 8).min(end)]));
            for place in changed {
                first.get_or_insert(place as u64);
                last = (place as u64 + 8).min(bytes.len() as u64);
            }
        }
        at = end;
    }
    first.map(|first| (first, last))
}
