//! Broken configurations, and what is told of each: these tables are read in review.

mod environments;
mod form;
mod projects;
