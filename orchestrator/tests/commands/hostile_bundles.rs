//! Bundles that were made to do harm: each is refused in bounded time, memory and space, and named.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;

use crc::{CRC_32_ISO_HDLC, Crc};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::common::test_run::{Ended, TestRun};

/// An entry of a raw archive.
struct Entry<'a> {
    name: &'a [u8],
    content: &'a [u8],
    /// Kind and permissions, as Unix has them.
    mode: u32,
}

impl<'a> Entry<'a> {
    fn file(name: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { name: name.as_ref(), content: b"content", mode: 0o100_644 }
    }
}

/// An archive byte by byte, with no rules but those of the format; entries are stored.
fn archive<'a>(entries: impl IntoIterator<Item = Entry<'a>>) -> Vec<u8> {
    let (mut bytes, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u64);
    for Entry { name, content, mode } in entries {
        let offset = bytes.len() as u32;
        let crc = Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(content);
        let mut common = vec![20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc.to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes().repeat(2));
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        bytes.extend([b"PK\x03\x04", &common[..], name, content].concat());
        directory.extend([b"PK\x01\x02\x14\x03", &common[..], &[0; 6]].concat());
        directory.extend((mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(name);
        count += 1;
    }
    let (offset, length) = (bytes.len() as u64, directory.len() as u64);
    bytes.extend(directory);
    let end_64 = bytes.len() as u64;
    let is_long = count > 65_534;
    if is_long {
        bytes.extend([b"PK\x06\x06", &44_u64.to_le_bytes()[..], &[45, 0, 45, 0], &[0; 8]].concat());
        for number in [count, count, length, offset] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend([b"PK\x06\x07", &[0; 4][..], &end_64.to_le_bytes(), &[1, 0, 0, 0]].concat());
    }
    let count = if is_long { u16::MAX } else { count as u16 };
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.to_le_bytes().repeat(2));
    bytes.extend((length as u32).to_le_bytes());
    bytes.extend((offset as u32).to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// `orch verify` with little memory, time and space.
fn verify(test: &TestRun, bundle: &str) -> Ended {
    let orch = env!("CARGO_BIN_EXE_orch");
    test.shell(&format!(
        "ulimit -v 1000000; ulimit -f 100000; TMPDIR=$PWD/tmp exec timeout 120 {orch} verify {bundle}"
    ))
}

fn refused(test: &TestRun, content: &[u8], reason: &str) {
    fs::create_dir_all(test.path("tmp")).unwrap();
    fs::write(test.path("hostile.zip"), content).unwrap();
    verify(test, "hostile.zip").expect(5, &["`hostile.zip` is not a bundle", reason]);
    assert_eq!(fs::read_dir(test.path("tmp")).unwrap().count(), 0, "something is left behind");
}

#[test]
fn names_that_lead_elsewhere_or_are_one_file_are_refused() {
    let test = TestRun::new();
    for (name, reason) in [
        ("../outside", "`..` is a part of its path"),
        ("a/../../outside", "`..` is a part of its path"),
        ("/tmp/outside", "its path is absolute"),
        ("a\\b", "a backslash"),
        ("C:\\outside", "a backslash or a colon"),
        ("a//b", "`` is a part of its path"),
        ("a\nb", "control characters"),
    ] {
        refused(&test, &archive([Entry::file(name)]), reason);
    }
    refused(&test, &archive([Entry::file(b"\xff\xfe")]), "not UTF-8");
    refused(&test, &archive(["a/b", "a/B"].map(Entry::file)), "upper and lower case only");
    refused(&test, &archive(["a", "a"].map(Entry::file)), "same name");
    refused(&test, &archive(["a", "a/b"].map(Entry::file)), "`a/b`");
    assert!(!test.path("outside").exists());
}

#[test]
fn links_and_devices_are_refused() {
    let test = TestRun::new();
    for mode in [0o120_777, 0o040_755, 0o010_644, 0o020_644, 0o060_644] {
        let link = Entry { name: b"link", content: b"/etc/passwd", mode };
        refused(&test, &archive([link]), "`link` is a link, a folder or a device");
    }
    let folder = Entry { name: b"folder/", content: b"", mode: 0o040_755 };
    refused(&test, &archive([folder]), "`folder/`");
    fs::create_dir_all(test.path("bundle/trials")).unwrap();
    fs::create_dir_all(test.path("tmp")).unwrap();
    symlink("/etc", test.path("bundle/trials/link")).unwrap();
    verify(&test, "bundle").expect(5, &["`trials/link` is a link"]);
    fs::remove_file(test.path("bundle/trials/link")).unwrap();
    test.shell("mkfifo bundle/trials/pipe").expect(0, &[]);
    verify(&test, "bundle").expect(5, &["`trials/pipe` is a link, a device"]);
}

#[test]
fn a_bomb_is_not_unpacked() {
    let test = TestRun::new();
    let mut zip = ZipWriter::new(File::create(test.path("bomb")).unwrap());
    for name in ["a", "b"] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        for _ in 0..64 {
            zip.write_all(&vec![0; 1 << 20]).unwrap();
        }
    }
    zip.finish().unwrap();
    let bomb = fs::read(test.path("bomb")).unwrap();
    assert!(bomb.len() < 200_000);
    refused(&test, &bomb, "which is more than `orch` unpacks of it here");
    // One that states another size, in the local header and in the directory.
    let size = (64_u32 << 20).to_le_bytes();
    let mut lying = bomb.clone();
    for at in 0..lying.len() - 4 {
        if lying[at..at + 4] == size {
            lying[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
        }
    }
    refused(&test, &lying, "");
    // A single file that two entries share.
    let entry = archive([Entry::file("a"), Entry::file("b")]);
    let mut shared = entry.clone();
    let second = entry.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    shared[second + 42..second + 46].copy_from_slice(&0_u32.to_le_bytes());
    refused(&test, &shared, "the archive is damaged");
}

#[test]
fn more_entries_than_any_run_has_are_not_read() {
    let test = TestRun::new();
    let names: Vec<_> = (0..260_000).map(|number| format!("{number}")).collect();
    refused(&test, &archive(names.iter().map(Entry::file)), "it has 260000 entries");
    // One that says it has few.
    let mut few = archive(names[..2000].iter().map(Entry::file));
    let end = few.len() - 22;
    few[end + 8..end + 12].copy_from_slice(&[1, 0, 1, 0]);
    refused(&test, &few, "");
}

#[test]
fn what_is_cut_off_or_no_archive_is_refused() {
    let test = TestRun::to_bundle();
    test.orch("bundle").expect(0, &[]);
    let whole = fs::read(test.path("trip.orch.zip")).unwrap();
    for length in [0, 1, 21, 22, 100, whole.len() / 2, whole.len() - 1] {
        refused(&test, &whole[..length], "it does not end as a zip archive does");
    }
    // The directory is whole, and a file in it is not.
    let end = whole.len() / 3;
    refused(&test, &[&whole[..end], &whole[end + 100..]].concat(), "");
    refused(&test, &[b"first", &whole[..]].concat(), "");
    refused(&test, &[&whole[..], b"last"].concat(), "");
    refused(&test, &archive(["a", "b"].map(Entry::file)), "it has no `manifest.sha256`");
    refused(&test, &vec![b'x'; 100_000], "");
}
