//! The type that a value was expected to have, in words instead of Rust's.

/// The same message with "expected u64" and the like as "expected a whole number, 0 or more"; `None` for any other.
pub(super) fn reworded(message: &str) -> Option<String> {
    let (found, expected) = message.rsplit_once(", expected ")?;
    let words = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        _ if expected.starts_with("a nonzero u") => "a whole number, 1 or more",
        _ => return None,
    };
    Some(format!("{found}, expected {words}"))
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, from_value, json};

    use super::*;

    /// Of serde's own messages.
    fn of<T: DeserializeOwned>(value: Value) -> Option<String> {
        reworded(&from_value::<T>(value).err().unwrap().to_string())
    }

    #[test]
    fn no_message_has_a_type_of_rust() {
        let whole = "invalid type: string \"few\", expected a whole number, 0 or more";
        assert_eq!(of::<u64>(json!("few")).as_deref(), Some(whole));
        assert_eq!(of::<usize>(json!("few")).as_deref(), Some(whole));
        let negative = "invalid value: integer `-1`, expected a whole number, 0 or more";
        assert_eq!(of::<u32>(json!(-1)).as_deref(), Some(negative));
        assert!(of::<f64>(json!("x")).unwrap().ends_with("expected a number"));
        assert!(of::<bool>(json!("yes")).unwrap().ends_with("expected true or false"));
        let zero = of::<std::num::NonZeroU32>(json!(0)).unwrap();
        assert!(zero.ends_with("expected a whole number, 1 or more"), "{zero}");
        assert_eq!(of::<String>(json!(1)), None);
    }
}
