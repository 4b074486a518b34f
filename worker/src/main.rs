//! Entry point; the commands follow.

fn main() {}
