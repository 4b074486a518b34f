//! Grids: variants as combinations of the values of axes. They become variants like any other
//! before anything else reads the file, with names and in an order that follow from the file alone.

mod combinations;
mod naming;
mod validate;

use crate::schema::file::{File, Variant};
use crate::yaml::pointer::escape;
use crate::yaml::source::{FileError, Source};

/// Adds the grid's variants to those that the file lists.
pub(super) fn expand_grid(source: &mut Source, file: &mut File) -> Result<(), FileError> {
    let Some(grid) = &file.grid else { return Ok(()) };
    validate::grid(source, grid)?;
    let naming = naming::Naming::new(grid);
    for point in grid.points() {
        let name = naming.name(&point);
        let last = &point.last().expect("a variant of a grid sets something").pointer;
        if file.variants.contains_key(&name) {
            let message = format!("two variants are called `{name}`");
            let hint = "remove one, or list it below `variants` by another name";
            return Err(source.finding(last, message).hint(Some(hint)).into_error());
        }
        let variant = format!("/variants/{}", escape(&name));
        source.alias(variant.clone(), last);
        for choice in &point {
            source.alias(format!("{variant}/set/{}", escape(choice.key)), &choice.pointer);
        }
        let set = point.iter().map(|choice| (choice.key.to_owned(), choice.value.clone()));
        let (label, set) = (Some(naming.label(&point)), set.collect());
        file.variants.insert(name, Variant { label, set, ..Variant::default() });
    }
    Ok(())
}
