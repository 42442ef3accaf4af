//! Whole configurations, good and broken.

mod broken;
mod hostile;
mod pages;
pub(crate) mod support;
mod whole;
