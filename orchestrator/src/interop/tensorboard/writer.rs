//! TensorBoard's event files, written and read: records with masked checksums around protobuf messages.
//!
//! The framing is that of TensorFlow's `record_writer.h`, the messages those of `event.proto` and
//! `summary.proto`. Only the few fields that a scalar needs are written, so they are put down by hand.

use crate::store::Point;

use super::checksum::masked;

/// What TensorBoard takes as the second version of the format, in which steps of different metrics need
/// not rise together.
const VERSION: &str = "brain.Event:2";

/// Writes the records of one file.
#[derive(Debug, Default)]
pub(crate) struct EventFile {
    /// Where the worker gave no time, that of the point before stands.
    time: f64,
}

impl EventFile {
    /// The first record: the version, at the time of the first point.
    pub(crate) fn head(&mut self, time: Option<f64>) -> Vec<u8> {
        self.time = time.unwrap_or(self.time);
        let mut event = Message::default();
        event.double(1, self.time);
        event.bytes(3, VERSION.as_bytes());
        record(&event.0)
    }

    /// A point as a scalar, `metric` or `metric/item`. TensorBoard's scalars have 32 bits.
    pub(crate) fn point(&mut self, point: &Point) -> Vec<u8> {
        self.time = point.time.unwrap_or(self.time);
        let tag = match point.item.as_str() {
            "" => point.metric.clone(),
            item => format!("{}/{item}", point.metric),
        };
        let mut value = Message::default();
        value.bytes(1, tag.as_bytes());
        value.float(2, point.value as f32);
        let mut summary = Message::default();
        summary.bytes(1, &value.0);
        let mut event = Message::default();
        event.double(1, self.time);
        event.varint(2, point.step);
        event.bytes(5, &summary.0);
        record(&event.0)
    }
}

/// Length and content, each with its checksum.
fn record(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), content, &masked(content)].concat()
}

/// A protobuf message, field by field.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn key(&mut self, field: u8, wire_type: u8) {
        self.0.push(field << 3 | wire_type);
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A zero is what a field has that is left out.
    fn varint(&mut self, field: u8, number: u64) {
        if number == 0 {
            return;
        }
        self.key(field, 0);
        self.number(number);
    }

    fn double(&mut self, field: u8, number: f64) {
        self.key(field, 1);
        self.0.extend(number.to_le_bytes());
    }

    fn bytes(&mut self, field: u8, bytes: &[u8]) {
        self.key(field, 2);
        self.number(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn float(&mut self, field: u8, number: f32) {
        self.key(field, 5);
        self.0.extend(number.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by `tensorboard.summary.writer.record_writer` and the messages of TensorBoard 2.21.
    const EXPECTED: &str = "\
        1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c\
        1800000000000000a37f4b2209000000000000f83f2a0d0a0b0a046c6f7373150000003fc97c8fd5\
        220000000000000078113dfd09000000000000f83f10ac022a140a120a0b6c6f73732f666163652f\
        3115000000c0ed92fd771f00000000000000514b4418090000000000000040108080808080202a0d\
        0a0b0a046c6f7373150000c07f3674eac2";

    #[test]
    fn records_are_those_of_tensorboards_own_writer() {
        let mut file = EventFile::default();
        let mut bytes = file.head(Some(1.5));
        for (item, step, value, time) in [
            ("", 0, 0.5, Some(1.5)),
            ("face/1", 300, -2.0, None),
            ("", 1 << 40, f64::NAN, Some(2.0)),
        ] {
            let (metric, item) = ("loss".to_owned(), item.to_owned());
            bytes.extend(file.point(&Point { metric, item, step, value, time }));
        }
        assert_eq!(base16ct::lower::encode_string(&bytes), EXPECTED);
    }
}
