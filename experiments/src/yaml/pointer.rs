//! JSON pointers (RFC 6901) to values of a file.

use serde_path_to_error::{Path, Segment};

/// The pointer to the value at which deserialization failed.
pub(super) fn pointer_of(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let name = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => escape(key),
            Segment::Enum { variant } => escape(variant),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&name);
    }
    pointer
}

/// A key as one segment of a pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The pointer to a value that is above another; `keys` are the dotted keys between them.
pub(crate) fn parent(pointer: &str, mut keys: usize) -> &str {
    let mut above = pointer;
    while keys > 0 {
        let Some((rest, last)) = above.rsplit_once('/') else { break };
        // A key may be a dotted path, which has one position.
        let Some(left) = keys.checked_sub(last.split('.').count()) else { break };
        (above, keys) = (rest, left);
    }
    above
}

/// The keys of a pointer.
pub(crate) fn segments(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"))
}
