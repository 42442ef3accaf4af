//! Programs. In: the beginning of a file. Out: whether it is machine code, and for which processor (elf(5)).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use tagboat_core::ports::Architecture;

/// The machine code of a file that can be run or loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// For one of our architectures.
    For(Architecture),
    /// For another machine; its number in `e_machine`.
    Other(u16),
}

/// What kind of program `file` is; `None` for scripts, texts, and object files that nothing loads as they are.
pub(crate) fn inspect(file: &Path) -> io::Result<Option<Code>> {
    let mut head = Vec::new();
    File::open(file)?.take(20).read_to_end(&mut head)?;
    Ok(code(&head))
}

fn code(head: &[u8]) -> Option<Code> {
    // EI_CLASS stands at 4, EI_DATA at 5, e_type at 16, e_machine at 18.
    let [0x7f, b'E', b'L', b'F', class, order, .., t0, t1, m0, m1] = *head else { return None };
    let half = |bytes: [u8; 2]| {
        // ELFDATA2MSB is 2; everything that we build for is ELFDATA2LSB, 1.
        if order == 2 { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    };
    // ET_EXEC and ET_DYN; ET_REL (1) are objects for the linker or the kernel.
    if !matches!(half([t0, t1]), 2 | 3) {
        return None;
    }
    Some(match (class, order, half([m0, m1])) {
        (2, 1, 62) => Code::For(Architecture::Amd64),
        (2, 1, 183) => Code::For(Architecture::Arm64),
        (_, _, other) => Code::Other(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_this_machine_is_known_by_its_processor() {
        let code = inspect(&std::env::current_exe().unwrap()).unwrap();
        let here =
            if cfg!(target_arch = "aarch64") { Architecture::Arm64 } else { Architecture::Amd64 };
        assert_eq!(code, Some(Code::For(here)));
    }

    #[test]
    fn scripts_texts_and_object_files_are_no_programs() {
        let mut elf = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\xb7\0";
        assert_eq!(code(&elf), Some(Code::For(Architecture::Arm64)));
        elf[16] = 1;
        assert_eq!(code(&elf), None);
        elf[16] = 2;
        elf[18] = 40;
        assert_eq!(code(&elf), Some(Code::Other(40)));
        for head in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", &elf[..19]] {
            assert_eq!(code(head), None);
        }
    }
}
