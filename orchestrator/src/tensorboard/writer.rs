//! Points written as the records of an event file, in the framing of TensorFlow's `record_writer.h`.

use prost::Message;

use super::checksum::masked;
use super::messages::{Event, Summary, SummaryValue};

/// The second version of the format, in which steps of different metrics may be interleaved.
const VERSION: &str = "brain.Event:2";

/// Writes the records of one file.
#[derive(Debug, Default)]
pub(crate) struct EventFile {
    /// The newest point's time, which one without a time gets, too.
    time: f64,
}

impl EventFile {
    /// The first record: the version, at the time of the first point.
    pub(crate) fn head(&mut self, time: Option<f64>) -> Vec<u8> {
        self.time = time.unwrap_or(self.time);
        record(&Event {
            wall_time: Some(self.time),
            file_version: Some(VERSION.to_owned()),
            ..Event::default()
        })
    }

    /// A scalar. TensorBoard's have 32 bits.
    pub(crate) fn scalar(
        &mut self,
        tag: &str,
        step: u64,
        value: f64,
        time: Option<f64>,
    ) -> Vec<u8> {
        self.time = time.unwrap_or(self.time);
        let value = SummaryValue {
            tag: tag.as_bytes().to_vec(),
            simple_value: Some(value as f32),
            ..SummaryValue::default()
        };
        record(&Event {
            wall_time: Some(self.time),
            step: step as i64,
            summary: Some(Summary { values: vec![value] }),
            ..Event::default()
        })
    }
}

/// The event's length and bytes, each with its checksum.
fn record(event: &Event) -> Vec<u8> {
    let content = event.encode_to_vec();
    let length = (content.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), &content, &masked(&content)].concat()
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
        for (tag, step, value, time) in [
            ("loss", 0, 0.5, Some(1.5)),
            ("loss/face/1", 300, -2.0, None),
            ("loss", 1 << 40, f64::NAN, Some(2.0)),
        ] {
            bytes.extend(file.scalar(tag, step, value, time));
        }
        assert_eq!(base16ct::lower::encode_string(&bytes), EXPECTED);
    }
}
