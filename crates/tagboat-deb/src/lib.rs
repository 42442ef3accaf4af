//! Debian's formats, pure over `Read` and `Write`.
