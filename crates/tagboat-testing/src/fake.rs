//! Ports in memory. In: what a test sets up. Out: the port's promises, without a disk, a clock or a network.

mod clock;
mod forge;
mod observer;
mod repository;
mod runner;
mod turn;

pub use clock::FakeClock;
pub use forge::FakeForge;
pub use observer::{Recorder, Told};
pub use repository::{FakeRemote, FakeRepository, Reachability};
pub use runner::{FakeRunner, exited};
pub use turn::FakeTurn;
