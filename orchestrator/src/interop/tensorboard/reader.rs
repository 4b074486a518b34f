//! Scalars out of event files, whoever wrote them: as `simple_value`, or as a tensor of TensorBoard's
//! plugin `scalars`, which TensorFlow 2 and PyTorch's `new_style` write.

use std::collections::BTreeSet;
use std::io::{self, Read};

use super::checksum::masked;

/// What kind of tensor a scalar is, by `types.proto`.
const FLOAT: u64 = 1;
const DOUBLE: u64 = 2;

/// Scalars of one event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalars {
    /// Seconds since the Unix epoch.
    pub time: f64,
    /// Training step; negative where a program meant something else by it.
    pub step: i64,
    /// Tag and value.
    pub values: Vec<(String, f64)>,
}

/// Reads the scalars of a folder's files, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Tags that are known to be scalars: TensorFlow says so with the first point alone.
    scalars: BTreeSet<String>,
    /// Tags of everything else: pictures, histograms, texts.
    pub others: BTreeSet<String>,
}

/// A file is not as TensorBoard's writers leave it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The file system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Bytes have changed since they were written, or it is another sort of file.
    #[error("the record at byte {0} does not fit its checksum")]
    Damaged(u64),
    /// A record's content is no event.
    #[error("the record at byte {0} is no event")]
    NoEvent(u64),
}

/// The events of a file that have scalars. What a writer has not finished, or was killed over, is no
/// event yet.
pub(crate) struct Events<'a, R> {
    reader: &'a mut Reader,
    file: R,
    /// Where the next record begins.
    offset: u64,
}

impl<R: Read> Iterator for Events<'_, R> {
    type Item = Result<Scalars, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let offset = self.offset;
            let content = match record(&mut self.file, offset) {
                Ok(content) => content?,
                Err(error) => return Some(Err(error)),
            };
            self.offset += content.len() as u64 + 16;
            let Some(scalars) = self.reader.event(&content) else {
                return Some(Err(ReadError::NoEvent(offset)));
            };
            if !scalars.values.is_empty() {
                return Some(Ok(scalars));
            }
        }
    }
}

impl Reader {
    /// Reads the next one of a folder's files.
    pub(crate) fn events<R: Read>(&mut self, file: R) -> Events<'_, R> {
        Events { reader: self, file, offset: 0 }
    }

    /// `Event` of `event.proto`; none if it cannot be one.
    fn event(&mut self, content: &[u8]) -> Option<Scalars> {
        let mut event = Scalars { time: 0.0, step: 0, values: Vec::new() };
        let mut summaries = Vec::new();
        for field in Fields(content) {
            match field? {
                (1, Value::Eight(time)) => event.time = f64::from_le_bytes(time),
                (2, Value::Number(step)) => event.step = step as i64,
                (5, Value::Bytes(summary)) => summaries.push(summary),
                _ => {}
            }
        }
        for field in summaries.into_iter().flat_map(Fields) {
            if let (1, Value::Bytes(value)) = field? {
                self.value(value, &mut event.values)?;
            }
        }
        Some(event)
    }

    /// `Summary.Value` of `summary.proto`: adds tag and value if it is a scalar; none if it cannot be one
    /// of these.
    fn value(&mut self, content: &[u8], scalars: &mut Vec<(String, f64)>) -> Option<()> {
        let (mut tag, mut simple, mut tensor, mut plugin) = (String::new(), None, None, None);
        for field in Fields(content) {
            match field? {
                (1, Value::Bytes(text)) => tag = String::from_utf8_lossy(text).into_owned(),
                (2, Value::Four(value)) => simple = Some(f64::from(f32::from_le_bytes(value))),
                (8, Value::Bytes(content)) => tensor = Some(content),
                (9, Value::Bytes(metadata)) => {
                    plugin = within(metadata, 1).and_then(|p| within(p, 1));
                }
                _ => {}
            }
        }
        let is_scalar = match plugin {
            Some(name) => name == b"scalars",
            None => self.scalars.contains(&tag),
        };
        if let Some(value) = simple.or_else(|| tensor.filter(|_| is_scalar).and_then(one_number)) {
            self.scalars.insert(tag.clone());
            scalars.push((tag, value));
        } else {
            self.others.insert(tag);
        }
        Some(())
    }
}

/// The content of the next record, which begins at the byte `offset`; none where the file ends, be it
/// within a record.
fn record(file: &mut impl Read, offset: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let (Some(length), Some(check)) = (bytes::<8>(file)?, bytes::<4>(file)?) else {
        return Ok(None);
    };
    if masked(&length) != check {
        return Err(ReadError::Damaged(offset));
    }
    let (length, mut content) = (u64::from_le_bytes(length), Vec::new());
    file.take(length).read_to_end(&mut content)?;
    match bytes::<4>(file)? {
        Some(check) if masked(&content) == check => Ok(Some(content)),
        Some(_) => Err(ReadError::Damaged(offset)),
        None => Ok(None),
    }
}

/// The next bytes; none if there are not so many.
fn bytes<const N: usize>(file: &mut impl Read) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// The number in a `TensorProto` that holds one.
fn one_number(tensor: &[u8]) -> Option<f64> {
    let (mut kind, mut content): (u64, &[u8]) = (0, &[]);
    for field in Fields(tensor) {
        match field? {
            (1, Value::Number(number)) => kind = number,
            // The bytes of an array, or a list of floats or doubles.
            (4..=6, Value::Bytes(bytes)) => content = bytes,
            (5, Value::Four(bytes)) => return Some(f64::from(f32::from_le_bytes(bytes))),
            (6, Value::Eight(bytes)) => return Some(f64::from_le_bytes(bytes)),
            _ => {}
        }
    }
    match kind {
        FLOAT => Some(f64::from(f32::from_le_bytes(content.try_into().ok()?))),
        DOUBLE => Some(f64::from_le_bytes(content.try_into().ok()?)),
        _ => None,
    }
}

/// The bytes of a message's `field`.
fn within(message: &[u8], field: u64) -> Option<&[u8]> {
    Fields(message).map_while(|found| found).find_map(|(number, value)| match value {
        Value::Bytes(bytes) if number == field => Some(bytes),
        _ => None,
    })
}

/// The fields of a protobuf message, each with its number; `None` once they make no sense.
struct Fields<'a>(&'a [u8]);

/// A field by how it is written.
enum Value<'a> {
    Number(u64),
    Eight([u8; 8]),
    Bytes(&'a [u8]),
    Four([u8; 4]),
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.number()?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => Value::Eight(self.take(8)?.try_into().ok()?),
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Four(self.take(4)?.try_into().ok()?),
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By tensorboardX; `tests/tensorboard/make.py` wrote it.
    const FILE: &[u8] = include_bytes!(
        "../../../tests/tensorboard/logs/plain/events.out.tfevents.1700000000.machine"
    );

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
    fn a_bit_that_has_changed_is_noticed_wherever_it_is() {
        for at in 0..FILE.len() {
            let mut file = FILE.to_vec();
            file[at] ^= 1 << (at % 8);
            assert!(matches!(read(&file), Err(ReadError::Damaged(_))), "byte {at}");
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
