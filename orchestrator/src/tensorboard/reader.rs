//! Scalars read from event files of any writer: as `simple_value`, or as a tensor of TensorBoard's
//! plugin `scalars`, which TensorFlow 2 and PyTorch's `new_style` write.

use std::collections::BTreeSet;
use std::io::{self, Read};

use prost::Message;

use super::checksum::masked;
use super::messages::{Event, SummaryValue, Tensor};

/// The types of a scalar's tensor, by `types.proto`.
const FLOAT: i32 = 1;
const DOUBLE: i32 = 2;

/// Longest record in bytes that is held in memory; a longer one, such as a film, has no scalars.
const LONGEST_RECORD: u64 = 64 << 20;

/// The scalars of one event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalars {
    /// Seconds since the Unix epoch.
    pub(crate) time: f64,
    /// Training step; negative where a program uses it for something else.
    pub(crate) step: i64,
    /// Tags and values.
    pub(crate) values: Vec<(String, f64)>,
}

/// Reads the scalars of a folder's files, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Tags that are known to be scalars: TensorFlow marks only their first points.
    scalars: BTreeSet<String>,
    /// Tags of everything else: pictures, histograms, texts.
    pub(crate) others: BTreeSet<String>,
}

/// A file is not as TensorBoard's writers leave it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Bytes have changed since they were written, or it is another kind of file.
    #[error("the record at byte {offset} does not match its checksum")]
    Damaged {
        /// The record's position in bytes.
        offset: u64,
    },
    /// A record's content is not an event.
    #[error("the record at byte {offset} is not an event")]
    NotAnEvent {
        /// The record's position in bytes.
        offset: u64,
    },
}

/// The events of a file that have scalars. A last record that its writer has not finished, or was killed
/// over, is left out.
pub(crate) struct Events<'a, R> {
    reader: &'a mut Reader,
    file: R,
    /// The position of the next record, in bytes.
    offset: u64,
}

impl<R: Read> Iterator for Events<'_, R> {
    type Item = Result<Scalars, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let offset = self.offset;
            let (length, content) = match record(&mut self.file, offset) {
                Ok(record) => record?,
                Err(error) => return Some(Err(error)),
            };
            let Some(scalars) = self.reader.event(&content) else {
                return Some(Err(ReadError::NotAnEvent { offset }));
            };
            self.offset += length + 16;
            if !scalars.values.is_empty() {
                return Some(Ok(scalars));
            }
        }
    }
}

impl<R> Events<'_, R> {
    /// The position after the last whole record, in bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }
}

impl Reader {
    /// Reads the next of a folder's files.
    pub(crate) fn events<R: Read>(&mut self, file: R) -> Events<'_, R> {
        self.events_from(file, 0)
    }

    /// Reads on in a file that has grown: `file` begins at the byte `offset`.
    pub(crate) fn events_from<R: Read>(&mut self, file: R, offset: u64) -> Events<'_, R> {
        Events { reader: self, file, offset }
    }

    /// The scalars of an event; `None` if `content` cannot be one.
    fn event(&mut self, content: &[u8]) -> Option<Scalars> {
        let event = Event::decode(content).ok()?;
        let mut values = Vec::new();
        for value in event.summary.unwrap_or_default().values {
            let tag = String::from_utf8_lossy(&value.tag).into_owned();
            if let Some(number) = self.scalar(&tag, value) {
                self.scalars.insert(tag.clone());
                values.push((tag, number));
            } else {
                self.others.insert(tag);
            }
        }
        Some(Scalars { time: event.wall_time.unwrap_or(0.0), step: event.step, values })
    }

    /// The number of a value; `None` if it is not a scalar.
    fn scalar(&self, tag: &str, value: SummaryValue) -> Option<f64> {
        if let Some(number) = value.simple_value {
            return Some(f64::from(number));
        }
        let plugin = value.metadata.and_then(|metadata| metadata.plugin_data).unwrap_or_default();
        let is_scalar = match &plugin.plugin_name[..] {
            b"" => self.scalars.contains(tag),
            name => name == b"scalars",
        };
        value.tensor.filter(|_| is_scalar).and_then(|tensor| one_number(&tensor))
    }
}

/// Length and content of the next record, which begins at the byte `offset`; `None` at the end of the
/// file, even within a record. The content of one that is too long is empty.
fn record(file: &mut impl Read, offset: u64) -> Result<Option<(u64, Vec<u8>)>, ReadError> {
    let (Some(length), Some(check)) = (bytes::<8>(file)?, bytes::<4>(file)?) else {
        return Ok(None);
    };
    if masked(&length) != check {
        return Err(ReadError::Damaged { offset });
    }
    let (length, mut content) = (u64::from_le_bytes(length), Vec::new());
    if length > LONGEST_RECORD {
        io::copy(&mut file.take(length), &mut io::sink())?;
        return Ok(bytes::<4>(file)?.map(|_| (length, content)));
    }
    file.take(length).read_to_end(&mut content)?;
    match bytes::<4>(file)? {
        Some(check) if masked(&content) == check => Ok(Some((length, content))),
        Some(_) => Err(ReadError::Damaged { offset }),
        None => Ok(None),
    }
}

/// The next `N` bytes; `None` if there are not so many.
fn bytes<const N: usize>(file: &mut impl Read) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// The number of a tensor that has exactly one.
fn one_number(tensor: &Tensor) -> Option<f64> {
    match (tensor.dtype, &tensor.content[..], &tensor.floats[..], &tensor.doubles[..]) {
        (FLOAT, [], [number], []) => Some(f64::from(*number)),
        (FLOAT, content, [], []) => Some(f64::from(f32::from_le_bytes(content.try_into().ok()?))),
        (DOUBLE, [], [], [number]) => Some(*number),
        (DOUBLE, content, [], []) => Some(f64::from_le_bytes(content.try_into().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By tensorboardX; `tests/tensorboard/make.py` wrote it.
    const FILE: &[u8] =
        include_bytes!("../../tests/tensorboard/logs/plain/events.out.tfevents.1700000000.machine");

    fn read(file: &[u8]) -> Result<Vec<Scalars>, ReadError> {
        Reader::default().events(file).collect()
    }

    #[test]
    fn a_file_that_ends_anywhere_has_what_was_finished_by_then() {
        // NaN is not equal to itself, and printed it is.
        let printed = |scalars: &[Scalars]| format!("{scalars:?}").trim_end_matches(']').to_owned();
        let whole = read(FILE).unwrap();
        assert_eq!(whole.len(), 10);
        for end in 0..FILE.len() {
            let found = read(&FILE[..end]).unwrap();
            assert!(printed(&whole).starts_with(&printed(&found)), "{end}");
        }
    }

    #[test]
    fn a_file_that_grows_is_read_on_from_any_record() {
        let whole = format!("{:?}", read(FILE).unwrap());
        for end in 0..FILE.len() {
            let mut reader = Reader::default();
            let mut events = reader.events(&FILE[..end]);
            let mut found: Vec<_> = events.by_ref().map(Result::unwrap).collect();
            let offset = events.offset();
            let rest = reader.events_from(&FILE[offset as usize..], offset);
            found.extend(rest.map(Result::unwrap));
            assert_eq!(format!("{found:?}"), whole, "{end}");
        }
    }

    #[test]
    fn a_bit_that_has_changed_is_noticed_wherever_it_is() {
        for at in 0..FILE.len() {
            let mut file = FILE.to_vec();
            file[at] ^= 1 << (at % 8);
            assert!(matches!(read(&file), Err(ReadError::Damaged { .. })), "byte {at}");
        }
    }

    #[test]
    fn any_bytes_are_an_event_or_none() {
        for length in 0..64 {
            for seed in 0..64_u64 {
                let byte = |i: u64| (i * 0x9e37 + seed * 0x85eb + i * i * seed) as u8;
                let _ = Reader::default().event(&(0..length).map(byte).collect::<Vec<_>>());
            }
        }
        // A length beyond the end, and a number that never ends.
        assert_eq!(Reader::default().event(&[0x2a, 0xff, 0x01]), None);
        assert_eq!(Reader::default().event(&[0x10; 1]), None);
        assert_eq!(Reader::default().event(&[0x80; 20]), None);
    }
}
