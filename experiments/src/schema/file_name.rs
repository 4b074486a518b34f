//! The form of names that become names of files, for the JSON Schema.

/// The pattern of a name, as [`is_file_name`](crate::schema::file::is_file_name) says it too.
pub(crate) const FILE_NAME: &str = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$";
