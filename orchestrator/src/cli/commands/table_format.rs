//! A table on standard output, in the format that the command line names.

use reports::table::Table;
use serde_json::Value;

use super::error::Result;
use super::output::{print, print_json};
use crate::cli::args::TableFormat;

/// Prints the table.
pub(super) fn print_table(table: &Table, format: TableFormat) -> Result<()> {
    match format {
        TableFormat::Text => print(&table.terminal())?,
        TableFormat::Markdown => print(&table.markdown())?,
        TableFormat::Latex => print(&table.latex())?,
        TableFormat::Csv => print(&table.csv())?,
        TableFormat::Json => print_json(&serde_json::from_str::<Value>(&table.json())?)?,
    }
    Ok(())
}
