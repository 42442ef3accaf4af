//! Debian's formats, pure over `Read` and `Write`.
//!
//! Bytes and texts come in, bytes and texts go out: nothing here starts a program, opens a file or
//! asks for the time. The same input gives the same bytes whatever the host, the umask, the clock
//! or the number of threads. Everything that is read may be hostile: a refusal says where and why,
//! and nothing that is read can panic, loop or take more memory than [`read::Limits`] says.

pub mod ar;
pub mod changelog;
pub mod compression;
pub mod control;
pub mod date;
pub mod deb;
pub mod description;
pub mod digest;
pub mod error;
pub mod names;
pub mod packages;
pub mod read;
pub mod release;
pub mod tar;
pub mod version;

pub use compression::{Compression, Threads};
pub use control::{Dialect, Paragraph, Paragraphs};
pub use digest::Digests;
pub use error::{Error, Part};
pub use names::{Architecture, PackageName, file_name};
pub use version::DebianVersion;
