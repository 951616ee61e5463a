//! Files: what goes in comes out, and no damage goes unseen.

use quorate_env::disk::{Disk as _, MemoryDisk};
use quorate_storage::snapshot::{Part, Reader, SnapshotError};

use super::{CHUNK, P, body, mark, open, state, write};

const PATH: &str = "snapshots/00000003-0000000000000009-0000000000000001.snap";

/// The content of a file.
fn content(disk: &MemoryDisk, path: &str) -> Vec<u8> {
    let file = disk.open(path).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

fn whole(disk: &MemoryDisk) -> Result<Reader, SnapshotError> {
    Reader::open(disk, PATH).and_then(|reader| reader.check().map(|()| reader))
}

#[test]
fn a_state_of_any_length_reads_back_as_it_was_written() {
    for len in [0, 1, 99, 100, 101, 199, 200, 1000, 1234] {
        let snapshots = open(&MemoryDisk::new());
        let manifest = write(&snapshots, 9, len);
        assert_eq!((manifest.total(), manifest.count()), (len as u64, (len as u64).div_ceil(u64::from(CHUNK))));
        let latest = snapshots.latest(P).unwrap();
        let reader = latest.reader.unwrap();
        assert_eq!(reader.manifest(), &manifest);
        assert_eq!((reader.manifest().meta(), reader.manifest().mark()), (&b"meta 9"[..], mark(9)));
        assert_eq!(body(&reader), state(9, len));
        assert!(latest.damaged.is_empty());
    }
}

#[test]
fn every_flipped_bit_is_seen_and_its_place_is_told() {
    let disk = MemoryDisk::new();
    write(&open(&disk), 9, 250);
    let good = content(&disk, PATH);
    let file = disk.open(PATH).unwrap();
    for at in 0..good.len() {
        for bit in [0, 3, 7] {
            file.write_at(&[good[at] ^ 1 << bit], at as u64).unwrap();
            let error = whole(&disk).map(drop).expect_err(&format!("byte {at}"));
            let damage = error.damage().unwrap_or_else(|| panic!("byte {at}: {error}"));
            assert_eq!(damage.file, PATH);
            let expected = match at {
                0..32 => Part::Header,
                32..282 => Part::Chunk((at as u64 - 32) / 100),
                _ if at >= good.len() - 32 => Part::Footer,
                _ => Part::Manifest,
            };
            // The checksum of the manifest stands in the footer, but it is the footer's own that tells first.
            assert_eq!(damage.part, expected, "byte {at}: {damage}");
        }
        file.write_at(&good[at..=at], at as u64).unwrap();
    }
    whole(&disk).unwrap();
}

#[test]
fn a_file_of_any_other_length_is_damaged() {
    let disk = MemoryDisk::new();
    write(&open(&disk), 9, 250);
    let good = content(&disk, PATH);
    let file = disk.open(PATH).unwrap();
    for len in (0..good.len()).chain([good.len() + 1, good.len() + 32, good.len() * 2]) {
        file.set_len(len as u64).unwrap();
        assert!(whole(&disk).map(drop).unwrap_err().damage().is_some(), "{len} bytes");
        file.write_at(&good, 0).unwrap();
        file.set_len(good.len() as u64).unwrap();
    }
    whole(&disk).unwrap();
}

#[test]
fn a_file_of_a_later_version_is_not_damaged_and_nothing_older_is_taken_for_it() {
    let disk = MemoryDisk::new();
    let snapshots = open(&disk);
    write(&snapshots, 8, 250);
    write(&snapshots, 9, 250);
    let mut header = content(&disk, PATH)[..32].to_vec();
    header[8] = 2;
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &header[..28]) as u32;
    header[28..].copy_from_slice(&crc.to_le_bytes());
    disk.open(PATH).unwrap().write_at(&header, 0).unwrap();
    let error = snapshots.latest(P).map(drop).unwrap_err();
    assert!(matches!(error, SnapshotError::Format { found: 2, expected: 1, .. }), "{error}");
}

#[test]
fn a_chunk_that_is_not_there_is_an_error() {
    let snapshots = open(&MemoryDisk::new());
    write(&snapshots, 9, 250);
    let reader = snapshots.reader(P, mark(9)).unwrap();
    for chunk in [3, u64::MAX] {
        assert!(matches!(reader.read_chunk(chunk, &mut Vec::new()), Err(SnapshotError::NoChunk { count: 3, .. })));
    }
}

#[test]
fn damage_names_the_file_the_chunk_the_offset_and_the_digests() {
    let disk = MemoryDisk::new();
    write(&open(&disk), 9, 250);
    disk.open(PATH).unwrap().write_at(b"!!!", 150).unwrap();
    let error = whole(&disk).map(drop).unwrap_err().to_string();
    assert!(error.starts_with(&format!("snapshot {PATH}, chunk 1 at offset 132: found digest ")), "{error}");
    let mut read = Vec::new();
    let reader = Reader::open(&disk, PATH).unwrap();
    let mut stream = reader.body();
    std::io::Read::read_to_end(&mut stream, &mut read).unwrap_err();
    assert_eq!((read, stream.broken().unwrap().to_string()), (state(9, 100), error));
}
