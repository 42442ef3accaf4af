//! Lines of a program's output. In: bytes as they come. Out: whole lines, masked, at linear cost.

use std::borrow::Cow;

use tagboat_core::command::{Command, Input};
use tagboat_core::secret::{MASK, Secret};

/// The longest line that is told whole; the rest of a longer one is left out. (What a program prints is
/// kept whole elsewhere; this is what people read.)
const LINE_LIMIT: usize = 64 << 10;

/// What must not be shown of a command's output.
#[derive(Debug)]
pub(super) struct Masker(Vec<Secret>);

impl Masker {
    /// A secret of several lines (a key) is printed line by line, and one that was read from a file may
    /// end in a newline that a program leaves out: so each of its lines is masked by itself.
    pub(super) fn new(command: &Command) -> Self {
        let input = match &command.input {
            Input::Secret(secret) => Some(secret),
            Input::Closed | Input::Bytes(_) | Input::File(_) => None,
        };
        let mut parts: Vec<Secret> = command
            .secrets
            .iter()
            .chain(input)
            .flat_map(|secret| secret.expose().lines())
            .map(|line| Secret::new(line.trim().to_owned()))
            .filter(|part| !part.expose().is_empty())
            .collect();
        // The longest first: one secret may be part of another.
        parts.sort_by_key(|part| std::cmp::Reverse(part.expose().len()));
        Self(parts)
    }

    fn mask<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        self.0.iter().fold(text, |text, secret| Cow::Owned(secret.mask(&text)))
    }

    /// Masks a line whose end is missing: a secret may be cut in two there.
    fn mask_cut(&self, text: Cow<'_, str>) -> String {
        let mut masked = self.mask(text).into_owned();
        let begun = |text: &str, secret: &str| {
            (1..secret.len()).rev().find(|&length| {
                secret.get(..length).is_some_and(|beginning| text.ends_with(beginning))
            })
        };
        if let Some(length) = self.0.iter().filter_map(|s| begun(&masked, s.expose())).max() {
            masked.truncate(masked.len() - length);
            masked.push_str(MASK);
        }
        masked
    }
}

/// Cuts a stream into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    // The beginning of a line whose end has not come, LINE_LIMIT + 1 bytes at most.
    pending: Vec<u8>,
}

impl Lines {
    /// Takes the next bytes and hands on the lines that they end.
    pub(super) fn take(&mut self, bytes: &[u8], masker: &Masker, tell: &mut dyn FnMut(&str)) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let content = piece.strip_suffix(b"\n").unwrap_or(piece);
            let ends = content.len() < piece.len();
            if ends && self.pending.is_empty() {
                // A listing has hundreds of thousands of lines: most need no copy.
                tell_line(content, masker, tell);
                continue;
            }
            let room = (LINE_LIMIT + 1).saturating_sub(self.pending.len());
            self.pending.extend_from_slice(&content[..content.len().min(room)]);
            if ends {
                self.end(masker, tell);
            }
        }
    }

    /// Hands on a last line without an end.
    pub(super) fn finish(&mut self, masker: &Masker, tell: &mut dyn FnMut(&str)) {
        if !self.pending.is_empty() {
            self.end(masker, tell);
        }
    }

    fn end(&mut self, masker: &Masker, tell: &mut dyn FnMut(&str)) {
        tell_line(&self.pending, masker, tell);
        self.pending.clear();
    }
}

fn tell_line(line: &[u8], masker: &Masker, tell: &mut dyn FnMut(&str)) {
    if line.len() > LINE_LIMIT {
        let text = String::from_utf8_lossy(&line[..LINE_LIMIT]);
        return tell(&format!("{} […]", masker.mask_cut(text)));
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    tell(&masker.mask(String::from_utf8_lossy(line)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(secrets: &[&str], chunks: &[&[u8]]) -> Vec<String> {
        let command = secrets
            .iter()
            .fold(Command::new("x"), |command, s| command.secret(Secret::new((*s).to_owned())));
        let (masker, mut lines, mut told) = (Masker::new(&command), Lines::default(), Vec::new());
        for chunk in chunks {
            lines.take(chunk, &masker, &mut |line| told.push(line.to_owned()));
        }
        lines.finish(&masker, &mut |line| told.push(line.to_owned()));
        told
    }

    #[test]
    fn a_secret_that_arrives_in_two_chunks_is_masked() {
        assert_eq!(told(&["hunter2"], &[b"a hun", b"ter2 b\r\nc"]), ["a *** b", "c"]);
    }

    #[test]
    fn every_line_of_a_secret_of_several_lines_is_masked() {
        let key = "-----BEGIN-----\nabcdef\n-----END-----\n";
        assert_eq!(told(&[key], &[b"key: abcdef\nx-----END-----"]), ["key: ***", "x***"]);
    }

    #[test]
    fn a_secret_that_contains_another_is_masked_whole() {
        assert_eq!(told(&["abc", "abcdef"], &[b"<abcdef>\n"]), ["<***>"]);
    }

    #[test]
    fn bytes_that_are_not_utf_8_do_not_hide_a_secret() {
        assert_eq!(
            told(&["hunter2"], &[b"\xff\xe2hunter2\xc3\n"]),
            ["\u{fffd}\u{fffd}***\u{fffd}"]
        );
    }

    #[test]
    fn a_long_line_is_cut_and_the_secret_at_the_cut_stays_hidden() {
        let mut long = vec![b'x'; LINE_LIMIT - 3];
        long.extend_from_slice(b"hunter2 and more\nnext\n");
        let told = told(&["hunter2"], &[&long]);
        assert!(told[0].ends_with("x*** […]"), "{}", &told[0][LINE_LIMIT - 8..]);
        assert_eq!(told[1], "next");
    }
}
