//! Lines that Python's `json` writes, with NaN and the infinities as bare words, are read with the
//! values that Python had.

use std::process::Command;

use experiments::protocol::events::{Event, Line};
use serde_json::Value;

/// Prints pairs of lines: an event as `json.dumps` writes it, and its values by name, as the eight
/// bytes of each in hexadecimal.
const WRITER: &str = r#"
import json, random, struct, sys
random.seed(int(sys.argv[1]))
WORDS = ["NaN", "-Infinity", '"', "\\", "ü", "\u2028", " ", ":", ",", "a", "[", "{", "\n", "Infinity"]
def text():
    return "".join(random.choice(WORDS) for _ in range(random.randrange(1, 8)))
def value():
    bits = struct.unpack("<d", random.randbytes(8))[0]
    return random.choice([float("nan"), float("inf"), -float("inf"), 0.1, -3, 2**53, 1e300, bits])
def name(number):
    return "".join(word for word in text() if word >= " ") + str(number)
def nested():
    return random.choice([value(), text(), [value(), text()], {text(): [value()]}, None, True])
for _ in range(2000):
    values = {name(number): value() for number in range(random.randrange(5))}
    event = {"event": "metrics", "step": random.randrange(100), "note": nested(), "values": values}
    if random.random() < 0.5:
        event = dict(reversed(event.items()))
    indent = random.choice([None, (",", ":"), (" ,\t", " :  ")])
    print(json.dumps(event, ensure_ascii=random.random() < 0.5, separators=indent))
    print(json.dumps({name: struct.pack(">d", value).hex() for name, value in values.items()}))
"#;

#[test]
fn every_value_is_the_one_that_python_had() {
    for seed in ["1", "2"] {
        let mut python = Command::new("python3");
        let python = python.args(["-X", "utf8", "-c", WRITER, seed]).output().unwrap();
        assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
        let written = String::from_utf8(python.stdout).unwrap();
        let lines: Vec<&str> = written.split_terminator('\n').collect();
        assert_eq!(lines.len(), 4000);
        for pair in lines.chunks(2) {
            let (line, skipped) = Line::parse_with_skipped(pair[0]).expect(pair[0]);
            assert_eq!(skipped, [""; 0], "{}", pair[0]);
            let Event::Metrics { values, .. } = line.event else { panic!("{}", pair[0]) };
            let expected: Value = serde_json::from_str(pair[1]).unwrap();
            let expected = expected.as_object().unwrap();
            assert_eq!(values.len(), expected.len(), "{}", pair[0]);
            for (name, bits) in expected {
                let bits = u64::from_str_radix(bits.as_str().unwrap(), 16).unwrap();
                let (read, had) = (values[name].0, f64::from_bits(bits));
                let is_same = read.to_bits() == bits || (read.is_nan() && had.is_nan());
                assert!(is_same, "`{name}` is read as {read} of {}", pair[0]);
            }
        }
    }
}
