//! Ports in memory. In: what a test sets up. Out: the port's promises, without a disk, a clock or a network.

mod clock;
mod observer;
mod repository;
mod runner;

pub use clock::FakeClock;
pub use observer::{Recorder, Told};
pub use repository::{FakeRemote, FakeRepository, Reachability};
pub use runner::{FakeRunner, exited};
