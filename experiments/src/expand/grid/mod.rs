//! Variants by the axes that they lie on, instead of one by one: all combinations of some values,
//! less what is left out, and what is added. They become variants like any other before anything
//! else looks at the file, with names and in an order that follow from the file alone.

mod check;
mod combinations;
mod name;

use crate::schema::file::{File, Variant};
use crate::yaml::pointer::escape;
use crate::yaml::source::{FileError, Source};

/// Adds the grid's variants to those that the file lists.
pub(crate) fn lay_out(source: &mut Source, file: &mut File) -> Result<(), FileError> {
    let Some(grid) = &file.grid else { return Ok(()) };
    check::grid(source, grid)?;
    let names = name::Names::new(grid);
    for point in grid.points() {
        let name = names.name(&point);
        let at = &point.last().expect("a variant of a grid sets something").pointer;
        if file.variants.contains_key(&name) {
            let message = format!("two variants are called `{name}`");
            let hint = "remove one, or list it below `variants` by another name";
            return Err(source.finding(at, message).hint(Some(hint)).into_error());
        }
        let variant = format!("/variants/{}", escape(&name));
        source.stands_at(variant.clone(), at);
        for choice in &point {
            source.stands_at(format!("{variant}/set/{}", escape(choice.key)), &choice.pointer);
        }
        let set = point.iter().map(|choice| (choice.key.to_owned(), choice.value.clone()));
        let (label, set) = (Some(names.label(&point)), set.collect());
        file.variants.insert(name, Variant { label, set, ..Variant::default() });
    }
    Ok(())
}
