//! The checkout. In: Cargo.lock. Out: how many packages it names.

use std::fs;

use crate::table::Row;
use crate::{Result, checkout_folder};

/// The bar, in packages.
const BAR: usize = 300;

/// Counts them.
pub(crate) fn packages() -> Result<Vec<Row>> {
    let lock = fs::read_to_string(checkout_folder().join("Cargo.lock"))?;
    let packages = lock.lines().filter(|line| *line == "[[package]]").count();
    Ok(vec![Row {
        what: "packages in Cargo.lock".to_owned(),
        figure: packages.to_string(),
        bar: format!("<= {BAR}"),
        met: Some(packages <= BAR),
        ..Row::default()
    }])
}
